"""
OCR of pages: errors in the text and what a page costs, beside the bare engine.
"""

import statistics
from collections.abc import Sequence

from benchmarks.harness.question import Outcome, Settings, Table, arguments, ask
from benchmarks.ocr_pages import CONDITIONS, damaged, letter
from benchmarks.ocr_pages.engines import Read, bare_tesseract, ours
from benchmarks.ocr_pages.score import cer, word_f1

NAME = "ocr"
TITLE = "OCR: pages with Tesseract"
SEED = 2_026_112_100
"""Far from those that the rules were written with (below 1,000)."""
CER_MAX = 0.003


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    _pages(outcome, settings.pick(tuple(CONDITIONS), ("clean, 300 dpi", "photographed")))
    outcome.notes.append(
        "Every page and paper is drawn from a seed by benchmarks/ocr_pages; names, numbers and firms are of nobody. The seed of this table was never "
        "looked at while the rules were written. Photographs are made ones: perspective, lamp, shadow, blur, noise."
    )
    return outcome


def _pages(outcome: Outcome, conditions: Sequence[str]) -> None:
    table = Table(
        title="One page of running text each in Spanish and English; the bare engine reads the Spanish one. CER with white space as one",
        columns=(
            *("condition", "pages", "CER %", "worst %", "word F1", "sure", "CPU s"),
            *("bare CER %", "bare F1", "bare sure", "bare CPU s"),
        ),
    )
    mine, bare = ours("tesseract"), bare_tesseract()
    for number, condition in enumerate(conditions):
        got: list[tuple[float, float, Read]] = []
        other: list[tuple[float, float, Read]] = []
        for language, readers in (("es", ((mine, got), (bare, other))), ("en", ((mine, got),))):
            image, truth = letter(language, SEED + number)
            seen = damaged(image, condition, SEED + number)
            for reader, kept in readers:
                read = reader(seen)
                kept.append((cer(truth, read.text), word_f1(truth, read.text), read))
        table.rows.append((condition, len(got), *_facts(got, with_worst=True), *_facts(other)))
        errors = [one[0] for one in got]
        outcome.samples.append({"condition": condition, "cer": errors})
        outcome.at_most(f"CER, {condition}", statistics.mean(errors) * 100, CER_MAX * 100, " %")
    outcome.tables.append(table)


def _facts(got: list[tuple[float, float, Read]], *, with_worst: bool = False) -> tuple[float, ...]:
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
