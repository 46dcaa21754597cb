"""
A schedule as rows of a table, for CSV, XLSX and PDF.
"""

from collections.abc import Iterable, Sequence

from avance.apps.routes.model import Bus

HEADINGS = (
    "bus",
    "orden",
    "ruta",
    "tipo",
    "salida",
    "llegada",
    "hora fija",
    "adelanto (min)",
    "vacío (min)",
    "plazas",
    "centro",
    "contrato",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows_of(schedule: Sequence[Bus]) -> Iterable[tuple[str | float, ...]]:
    for bus in schedule:
        for number, item in enumerate(bus.items, 1):
            yield (
                bus.bus_id,
                number,
                safe(item.route_id),
                "entrada" if item.type == "entry" else "salida",
                item.start_time,
                item.end_time,
                item.original_start_time,
                item.time_shift_minutes,
                item.deadhead_minutes,
                item.capacity_needed,
                safe(item.school_name or ""),
                safe(item.contract_id or ""),
            )


def safe(text: str) -> str:
    """
    No cell may become a formula in somebody's spreadsheet.
    """
    return "'" + text if text.startswith(_FORMULA) else text
