"""
OCR of pages: errors in the text and what a page costs, beside the bare engine.
"""

import statistics
from collections.abc import Sequence

from benchmarks.harness.question import Outcome, Settings, Table, arguments, ask
from benchmarks.ocr_pages import CONDITIONS, damaged, footprint, letter
from benchmarks.ocr_pages.engines import Read, bare_tesseract, ours
from benchmarks.ocr_pages.score import cer, word_f1

NAME = "ocr"
TITLE = "OCR: pages with Tesseract"
SEED = 2_026_112_100
"""Far from those that the rules were written with (below 1,000)."""
CER_MAX = 0.003
Scored = tuple[float, float, Read]
"""CER, word F1, and what was read."""


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    conditions = settings.pick(tuple(CONDITIONS), ("clean, 300 dpi", "photographed"))
    _pages(outcome, conditions, settings.pick(2, 1))
    engines = ("avance, tesseract", "bare tesseract")
    outcome.tables.append(footprint.table(engines, settings.pick(5, 2)))
    outcome.notes.append(
        "Every page and paper is drawn from a seed by benchmarks/ocr_pages; names, numbers and firms are of nobody. The seeds of these tables were never "
        "looked at while the rules were written. Photographs are made ones: perspective, lamp, shadow, blur, noise."
    )
    return outcome


def _pages(outcome: Outcome, conditions: Sequence[str], count: int) -> None:
    table = Table(
        title="Pages of running text, ours and the bare engine on the same ones. CER with white space as one",
        columns=(
            *("condition", "language", "pages", "CER %", "worst %", "word F1", "sure", "CPU s"),
            *("bare CER %", "bare F1", "bare sure", "bare CPU s"),
        ),
    )
    readers = ours("tesseract"), bare_tesseract()
    for condition in conditions:
        errors: list[float] = []
        for language in ("es", "en"):
            got: tuple[list[Scored], list[Scored]] = ([], [])
            for number in range(count):
                image, truth = letter(language, SEED + number)
                seen = damaged(image, condition, SEED + number)
                for reader, kept in zip(readers, got, strict=True):
                    read = reader(seen)
                    kept.append((cer(truth, read.text), word_f1(truth, read.text), read))
            mine, bare = got
            row = (*_facts(mine, with_worst=True), *_facts(bare))
            table.rows.append((condition, language, count, *row))
            errors += [one[0] for one in mine]
        outcome.samples.append({"condition": condition, "cer": errors})
        outcome.at_most(f"CER, {condition}", statistics.mean(errors) * 100, CER_MAX * 100, " %")
    outcome.tables.append(table)


def _facts(got: list[Scored], *, with_worst: bool = False) -> tuple[float, ...]:
    errors = [one[0] * 100 for one in got]
    return (
        round(statistics.mean(errors), 3),
        *((round(max(errors), 3),) if with_worst else ()),
        round(statistics.mean(one[1] for one in got), 4),
        round(statistics.mean(one[2].confidence for one in got), 3),
        round(statistics.mean(one[2].cpu_s for one in got), 2),
    )


if __name__ == "__main__":
    given = arguments(TITLE).parse_args()
    ask(NAME, TITLE, measure, Settings(quick=given.quick))
