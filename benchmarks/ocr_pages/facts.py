"""
The facts of papers that were read, as rows of a table.
"""

import statistics
from collections import defaultdict
from collections.abc import Sequence

from benchmarks.harness.question import Cell
from benchmarks.ocr_pages.crew import Told

PAPER_COLUMNS = (
    *("paper", "condition", "papers", "kind right", "fields", "exact", "but accents"),
    *("total", "date", "wrong and sure"),
)
DATES = ("fecha", "fecha_vencimiento", "fecha_nacimiento")
"""The first of these that a paper has stands for its dates."""


def papers_row(name: str, condition: str, told: Sequence[Told]) -> tuple[Cell, ...]:
    right = [one.right() for one in told]
    fields = [is_right for one in right for is_right in one.values()]
    return (
        name,
        condition,
        len(told),
        statistics.mean(one.is_kind_right for one in told),
        len(fields),
        round(statistics.mean(is_exact for one in told for is_exact in one.exact()), 4),
        round(statistics.mean(fields), 4),
        share(told, "total"),
        next((found for date in DATES if (found := share(told, date)) is not None), None),
        sum(one.wrong_and_sure() for one in told),
    )


def share(told: Sequence[Told], name: str) -> float | None:
    """
    Of the papers that have this field, those on which it was right.
    """
    by_name: dict[str, list[bool]] = defaultdict(list)
    for one in told:
        for field, is_right in one.right().items():
            by_name[field].append(is_right)
    return round(statistics.mean(by_name[name]), 4) if name in by_name else None
