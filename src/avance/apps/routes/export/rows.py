"""
A schedule as rows of a table, for CSV, XLSX and PDF.
"""

from collections.abc import Iterable, Sequence

from avance.apps.routes.model import Bus, Depot

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

VEHICLE_HEADINGS = ("vehículo", "cochera", "sale de cochera", "vuelve a cochera")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def headings_of(schedule: Sequence[Bus]) -> tuple[str, ...]:
    return (*HEADINGS, *VEHICLE_HEADINGS) if has_vehicles(schedule) else HEADINGS


def has_vehicles(schedule: Sequence[Bus]) -> bool:
    return any(bus.vehicle for bus in schedule)


def rows_of(schedule: Sequence[Bus]) -> Iterable[tuple[str | float, ...]]:
    has_more = has_vehicles(schedule)
    for bus in schedule:
        more = _vehicle_of(bus) if has_more else ()
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
                *more,
            )


def _vehicle_of(bus: Bus) -> tuple[str, ...]:
    depot = depot_text(bus.depot) if bus.depot else ""
    return safe(bus.vehicle or ""), safe(depot), bus.leaves_depot or "", bus.back_at_depot or ""


def depot_text(depot: Depot) -> str:
    return depot.name or f"{depot.lat:g}, {depot.lon:g}"


def safe(text: str) -> str:
    """
    No cell may become a formula in somebody's spreadsheet.
    """
    return "'" + text if text.startswith(_FORMULA) else text
