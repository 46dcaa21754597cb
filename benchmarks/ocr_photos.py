"""
OCR with RapidOCR: what the heavier engine reads where the lighter one does not, and what that costs, beside the bare engine.
"""

import statistics
from collections.abc import Sequence

from benchmarks.harness.question import Outcome, Settings, Table, arguments, ask
from benchmarks.ocr import SEED
from benchmarks.ocr_pages import PAPERS, damaged, footprint, letter
from benchmarks.ocr_pages.crew import Crew, Told, crew, jobs
from benchmarks.ocr_pages.engines import Read, bare_rapid, ours
from benchmarks.ocr_pages.facts import PAPER_COLUMNS, papers_row
from benchmarks.ocr_pages.score import cer, word_f1

NAME = "ocr_photos"
TITLE = "OCR: photographs with RapidOCR"
PAGE_CONDITIONS = ("clean, 300 dpi", "photographed", "upside down")
WORD_F1_MIN = 0.92
TOTAL_MIN = 0.85
DATE_MIN = 0.92
FIELDS_MIN = 0.95
ZONES, ZONES_MIN = 38, 35


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    with crew("rapidocr") as readers:
        _papers(outcome, readers, settings.pick(3, 1))
        _receipts(outcome, readers, settings.pick(24, 2))
        _zones(outcome, readers, settings.pick(ZONES, 2))
    _pages(outcome, settings.pick(PAGE_CONDITIONS, ("photographed",)))
    engines = ("avance, rapidocr", "bare rapidocr")
    outcome.tables.append(footprint.table(engines, 1))
    outcome.notes.append(
        "Receipts and zones are drawn from a seed and stand for the sets of scans with which the goals were set (SROIE, specimens of PassportEye), which are not "
        "part of the repository: worn thermal paper under a poor scanner, and passports photographed, 600 to 1,270 pixels wide."
    )
    return outcome


def _papers(outcome: Outcome, readers: Crew, count: int) -> None:
    table = Table(
        title="Photographed papers: kind, and fields that are exactly right", columns=PAPER_COLUMNS
    )
    right: list[bool] = []
    for name in PAPERS:
        told = readers.read(jobs(name, "photographed", SEED, count))
        table.rows.append(papers_row(name, "photographed", told))
        right += _values(told)
    outcome.tables.append(table)
    outcome.at_least("exact fields, photographed papers", statistics.mean(right), FIELDS_MIN)


def _receipts(outcome: Outcome, readers: Crew, count: int) -> None:
    told = readers.read(jobs("receipt", "worn", SEED + 3_000, count))
    found = statistics.mean(one.word_f1 for one in told)
    totals, dates = (
        statistics.mean(one.right()[name] for one in told) for name in ("total", "fecha")
    )
    table = Table(title="Worn receipts", columns=("receipts", "word F1", "total", "date"))
    table.rows.append((count, round(found, 4), round(totals, 4), round(dates, 4)))
    outcome.tables.append(table)
    outcome.at_least("word F1, worn receipts", found, WORD_F1_MIN)
    outcome.at_least("total exact, worn receipts", totals, TOTAL_MIN)
    outcome.at_least("date exact, worn receipts", dates, DATE_MIN)


def _zones(outcome: Outcome, readers: Crew, count: int) -> None:
    """
    A zone counts where its check digits are right and number, dates and sex are those that stand there.
    """
    told = readers.read(jobs("zone", "photographed", SEED + 2_000, count))
    whole = [all(one.right().values()) and not one.doubts for one in told]
    table = Table(
        title="Zones for machines, photographed", columns=("zones", "all right", "wrong and sure")
    )
    table.rows.append((count, sum(whole), sum(one.wrong_and_sure() for one in told)))
    outcome.tables.append(table)
    wanted = count * ZONES_MIN // ZONES
    outcome.at_least(f"zones for machines, right of {count}", sum(whole), wanted)


def _values(told: Sequence[Told]) -> list[bool]:
    return [is_right for one in told for is_right in one.right().values()]


def _pages(outcome: Outcome, conditions: Sequence[str]) -> None:
    mine, bare = ours("rapidocr"), bare_rapid()
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
        outcome.at_least(f"word F1, page {condition}", got, WORD_F1_MIN)
    outcome.tables.append(table)


def _facts(truth: str, read: Read) -> tuple[float, ...]:
    return (
        round(cer(truth, read.text) * 100, 3),
        round(word_f1(truth, read.text), 4),
        round(read.confidence, 3),
        round(read.cpu_s, 2),
    )


if __name__ == "__main__":
    given = arguments(TITLE).parse_args()
    ask(NAME, TITLE, measure, Settings(quick=given.quick))
