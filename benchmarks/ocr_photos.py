"""
OCR with RapidOCR: what the heavier engine reads where the lighter one does not, and what that costs, beside the bare engine.
"""

import statistics
from collections.abc import Sequence

from benchmarks.harness.question import Outcome, Settings, Table, arguments, ask
from benchmarks.ocr import SEED
from benchmarks.ocr_fields import papers_row
from benchmarks.ocr_pages import PAPERS, damaged, footprint, letter
from benchmarks.ocr_pages.engines import Read, Reader, bare_rapid, ours
from benchmarks.ocr_pages.score import cer, word_f1

NAME = "ocr_photos"
TITLE = "OCR: photographs with RapidOCR"
PAGE_CONDITIONS = ("clean, 300 dpi", "photographed", "upside down")
WORD_F1_MIN = 0.92
TOTAL_MIN = 0.85
DATE_MIN = 0.92


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    mine, bare = ours("rapidocr"), bare_rapid()
    _pages(outcome, mine, bare, settings.pick(PAGE_CONDITIONS, ("photographed",)))
    _papers(outcome, mine, settings.pick(3, 1))
    engines = ("avance, rapidocr", "bare rapidocr")
    outcome.tables.append(footprint.table(engines, settings.pick(2, 1)))
    return outcome


def _pages(outcome: Outcome, mine: Reader, bare: Reader, conditions: Sequence[str]) -> None:
    table = Table(
        title="One Spanish page each",
        columns=(
            *("condition", "CER %", "word F1", "sure", "CPU s"),
            *("bare CER %", "bare F1", "bare sure", "bare CPU s"),
        ),
    )
    image, truth = letter("es", SEED)
    for condition in conditions:
        seen = damaged(image, condition, SEED)
        reads = [reader(seen) for reader in (mine, bare)]
        table.rows.append((condition, *(fact for read in reads for fact in _facts(truth, read))))
        got = word_f1(truth, reads[0].text)
        outcome.at_least(f"word F1, {condition}", got, WORD_F1_MIN)
    outcome.tables.append(table)


def _facts(truth: str, read: Read) -> tuple[float, ...]:
    return (
        round(cer(truth, read.text) * 100, 3),
        round(word_f1(truth, read.text), 4),
        round(read.confidence, 3),
        round(read.cpu_s, 2),
    )


def _papers(outcome: Outcome, mine: Reader, count: int) -> None:
    table = Table(
        title="Photographed papers: kind, and fields that are exactly right",
        columns=("paper", "papers", "kind right", "fields", "exact", "but accents", "total", "date", "wrong and sure"),
    )  # fmt: skip
    totals, dates = [], []
    for name, make in PAPERS.items():
        papers = [make(SEED + n, ("es", "en")[n % 2]) for n in range(count)]
        row, _ = papers_row(mine, papers, "photographed")
        table.rows.append((name, count, *row))
        totals += [row[4]] if isinstance(row[4], int | float) else []
        dates += [row[5]] if isinstance(row[5], int | float) else []
    outcome.tables.append(table)
    outcome.at_least("total exact, photographed", statistics.mean(totals), TOTAL_MIN)
    outcome.at_least("date exact, photographed", statistics.mean(dates), DATE_MIN)


if __name__ == "__main__":
    given = arguments(TITLE).parse_args()
    ask(NAME, TITLE, measure, Settings(quick=given.quick))
