"""
The files themselves.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from xml.sax.saxutils import escape

import msgspec
from openpyxl import Workbook
from openpyxl.styles import Font
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from avance.apps.routes.export.rows import HEADINGS, depot_text, headings_of, rows_of
from avance.apps.routes.geo import is_place
from avance.apps.routes.model import Bus
from avance.apps.routes.result import build_stats


class Format(NamedTuple):
    media_type: str
    suffix: str
    write: Callable[[Sequence[Bus]], bytes]


def write_csv(schedule: Sequence[Bus]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(headings_of(schedule))
    writer.writerows(rows_of(schedule))
    # With the mark, spreadsheets read the accents as they are.
    return text.getvalue().encode("utf-8-sig")


def write_xlsx(schedule: Sequence[Bus]) -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.title = "Horario"
    sheet.append(headings_of(schedule))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows_of(schedule):
        sheet.append(row)
    sheet.freeze_panes = "A2"
    stats = book.create_sheet("Estadísticas")
    for name, value in msgspec.structs.asdict(build_stats(schedule)).items():
        stats.append((name, value))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def write_pdf(schedule: Sequence[Bus]) -> bytes:
    """
    One table for each bus.
    """
    styles = getSampleStyleSheet()
    stats = build_stats(schedule)
    story = [
        Paragraph("Horario de autobuses escolares", styles["Title"]),
        Paragraph(
            f"{stats.total_buses} autobuses, {stats.total_routes} servicios "
            f"({stats.total_entries} entradas, {stats.total_exits} salidas)",
            styles["Normal"],
        ),
    ]
    for bus in schedule:
        story.append(Paragraph(escape(_title(bus)), styles["Heading3"]))
        body = [HEADINGS[1:], *(row[1 : len(HEADINGS)] for row in rows_of([bus]))]
        cells = [
            [Paragraph(escape(str(value)), styles["BodyText"]) for value in row] for row in body
        ]
        table = Table(cells, repeatRows=1)
        table.setStyle(
            TableStyle(
                [
                    ("GRID", (0, 0), (-1, -1), 0.25, colors.grey),
                    ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
                ]
            )
        )
        story.append(table)
    data = io.BytesIO()
    SimpleDocTemplate(data, pagesize=landscape(A4), title="Horario").build(story)
    return data.getvalue()


def _title(bus: Bus) -> str:
    text = f"{bus.bus_id} · plazas desde {bus.min_required_seats:g}"
    if bus.vehicle:
        text += f" · {bus.vehicle}"
    if bus.depot:
        text += f" · {depot_text(bus.depot)}, sale {bus.leaves_depot}, vuelve {bus.back_at_depot}"
    return text


def write_geojson(schedule: Sequence[Bus]) -> bytes:
    """
    A line for each service and each empty run between two.
    """
    features = []
    for bus in schedule:
        depot = [bus.depot.lon, bus.depot.lat] if bus.depot else None
        last: list[float] | None = None
        for number, item in enumerate(bus.items, 1):
            line = [[stop.lon, stop.lat] for stop in item.stops if is_place(stop.lat, stop.lon)]
            about = {"bus_id": bus.bus_id, "order": number}
            if line and last is None and depot is not None:
                features.append(_pull(bus, [depot, line[0]], bus.pull_out_minutes or 0))
            if line and last is not None:
                features.append(
                    _line(
                        [last, line[0]],
                        {**about, "kind": "deadhead", "minutes": item.deadhead_minutes},
                    )
                )
            if line:
                service = {"kind": item.type.value, "route_id": item.route_id, "start": item.start_time, "end": item.end_time}  # fmt: skip
                features.append(_line(line, {**about, **service}))
                last = line[-1]
        if last is not None and depot is not None:
            features.append(_pull(bus, [last, depot], bus.pull_in_minutes or 0))
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _pull(bus: Bus, places: list[list[float]], minutes: int) -> dict[str, object]:
    return _line(places, {"bus_id": bus.bus_id, "kind": "depot", "minutes": minutes})


def _line(places: list[list[float]], properties: Mapping[str, object]) -> dict[str, object]:
    is_point = len(places) == 1
    geometry = {
        "type": "Point" if is_point else "LineString",
        "coordinates": places[0] if is_point else places,
    }
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def write_json(schedule: Sequence[Bus]) -> bytes:
    return msgspec.json.encode({"schedule": schedule, "stats": build_stats(schedule)})


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "csv": Format("text/csv; charset=utf-8", "csv", write_csv),
        "xlsx": Format(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", write_xlsx
        ),
        "pdf": Format("application/pdf", "pdf", write_pdf),
        "geojson": Format("application/geo+json", "geojson", write_geojson),
        "json": Format("application/json", "json", write_json),
    }
)
