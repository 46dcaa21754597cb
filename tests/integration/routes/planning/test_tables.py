"""
Workbooks and CSV as they come from offices. docs/contract/routes.md, 3.2.
"""

import io
import zipfile
from contextlib import suppress
from datetime import datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from avance.apps.routes.ingest import Reader
from avance.apps.routes.tables.assemble import assemble
from avance.apps.routes.tables.cells import read_time
from avance.apps.routes.tables.headings import fields_of
from avance.apps.routes.tables.workbook import read_sheets
from avance.errors import InvalidRequest


def workbook(**sheets: list[list[object]]) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name.replace("_", " "))
        for row in rows:
            sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def galician_book() -> bytes:
    return workbook(
        I_Rutas=[
            ["Relación de rutas do curso"],
            ["Código ruta", "Código centro", "Nome centro", "Prazas vehículo", "Frecuencia semanal"],
            ["R1", 15001, "CEIP A Pedra", "26-38", "LMMcXV"],
            ["R2", 15001, "CEIP A Pedra", 9, "LX"],
        ],
        II_Paradas=[
            ["Codigo ruta", "Orde parada", "Nome parada", "Latitude", "Lonxitude", "Tempo a orixe", "Usuarios totais"],
            ["R1", 1, "Cruce", "42,60", "-8,30", 0, 12],
            ["R1", 2, "Colexio", "42,65", "-8,25", 18, 0],
            ["R2", 1, "Igrexa", 42.61, -8.31, 0, 7],
            ["R2", 2, "Colexio", 42.65, -8.25, 12, 0],
            ["R2", 3, "Perdida", 342.65, -8.25, 12, 0],
            [None, 3, "Sen ruta", 42.65, -8.25, 12, 0],
        ],
        III_Expedicions=[
            ["Código ruta", "Sentido", "Hora saída", "Hora chegada"],
            ["R1", "Entrada", None, time(8, 50)],
            ["R1", "Saída", "14.10", None],
            ["R2", "Entrada", None, 0.375],
            ["R2", "Cara arriba", None, "9:00"],
        ],
    )  # fmt: skip


def test_three_galician_sheets_become_routes_and_every_row_left_out_is_named() -> None:
    """001-T13"""
    found = assemble(read_sheets(galician_book(), "libro.xlsx"))
    routes = {route["id"]: route for route in found.routes}
    assert set(routes) == {"R1-EN", "R1-EX", "R2"}
    assert routes["R1-EN"]["arrival_time"] == "08:50:00"
    assert routes["R1-EX"]["departure_time"] == "14:10:00"
    assert routes["R2"]["arrival_time"] == "09:00:00"
    assert routes["R1-EN"]["vehicle_capacity_range"] == "26-38"
    assert routes["R2"]["vehicle_capacity_max"] == 9
    assert routes["R2"]["days"] == ["L", "X"]
    assert routes["R1-EN"]["days"] == ["L", "M", "Mc", "X", "V"]
    assert [stop["name"] for stop in routes["R2"]["stops"]] == ["Igrexa", "Colexio"]
    report = found.parse_report
    assert report.rows_total == 12
    assert report.rows_dropped_invalid == 3
    assert report.invalid_reasons == {
        "coordinate_out_of_range": 1,
        "route_missing": 1,
        "direction_unknown": 1,
    }
    assert [(one.sheet, one.row) for one in report.rejections] == [
        ("II Paradas", 6),
        ("II Paradas", 7),
        ("III Expedicions", 5),
    ]
    assert len(report.sheets_detected) == 3
    read = Reader(routes_max=10).read(list(found.routes))
    assert [route.id for route in read.routes] == ["R1-EN", "R1-EX", "R2"]
    assert not read.findings


@pytest.mark.parametrize(
    ("headings", "row"),
    [
        (
            "route;direction;arrival time;latitude;longitude;stop order;passengers",
            "A7;entry;08:30;42.6;-8.2;1;20",
        ),
        (
            "Código de ruta,Sentido,Hora llegada,Latitud,Longitud,Orden parada,Usuarios totales",
            "A7,Entrada,8:30,42.6,-8.2,1,20",
        ),
    ],
)
def test_a_flat_csv_in_english_and_in_spanish(headings: str, row: str) -> None:
    found = assemble(read_sheets(f"{headings}\n{row}\n".encode("cp1252"), "a.csv"))
    (route,) = found.routes
    assert (route["id"], route["type"], route["arrival_time"]) == ("A7", "entry", "08:30:00")
    assert route["stops"][0]["passengers"] == 20


def test_a_column_that_is_not_known_is_named() -> None:
    data = (
        "Route code,Direction,Arrival time,Latitude,Longitude,Minutes from start,Driver\n"
        "R1,Entry,09:00,42.5,-8.1,0,Ana\nR1,Entry,09:00,42.6,-8.1,18,Ana\n"
    )
    read = assemble(read_sheets(data.encode(), "day.csv"))
    assert [stop["time_from_start"] for stop in read.routes[0]["stops"]] == [0.0, 18.0]
    assert read.parse_report.warnings == ("day.csv: the column 'Driver' is not used",)


def test_headings_with_slips_are_still_known() -> None:
    assert fields_of(["Codigo  rutta", "lattitude", "LONXITUDE", "Observacións"]) == {
        0: "route",
        1: "lat",
        2: "lon",
    }


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        (time(7, 5), "07:05:00"),
        (datetime(2026, 1, 1, 14, 30), "14:30:00"),  # noqa: DTZ001 - as openpyxl gives them
        ("8.05", "08:05:00"),
        ("08:05:30", "08:05:30"),
        (0.5, "12:00:00"),
        (1.0416666, "25:00:00"),
        ("25:10", "25:10:00"),
        ("", None),
        (None, None),
    ],
)
def test_times_in_every_form_that_cells_have(cell: object, read: str | None) -> None:
    assert read_time(cell) == read


@pytest.mark.parametrize("cell", ["8:75", "x", "31:00", 99.0])
def test_what_is_no_time_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match="no time"):
        read_time(cell)


@pytest.mark.parametrize("data", [b"PK\x03\x04 broken", b"\xff\xfe\x00\x00\x81", b"a;b\0c"])
def test_a_file_that_is_neither_workbook_nor_csv_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_sheets(data, "x")
    assert refused.value.code == "workbook_unusable"


DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1)


def damaged(data: bytes, damage: list[tuple[float, int]]) -> bytes:
    changed = bytearray(data)
    for where, byte in damage:
        changed[int(where * len(changed))] = byte
    return bytes(changed)


@given(damage=DAMAGE, is_inside=st.booleans())
@settings(max_examples=60)
def test_a_damaged_workbook_is_read_or_refused_in_our_words(
    damage: list[tuple[float, int]], is_inside: bool
) -> None:
    """
    In the zip file, or in the XML within it, where its checksum does not see it.
    """
    book = galician_book()
    if is_inside:
        inside = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(book)) as whole, zipfile.ZipFile(inside, "w") as made:
            for name in whole.namelist():
                made.writestr(name, damaged(whole.read(name), damage))
        book = inside.getvalue()
    else:
        book = damaged(book, damage)
    with suppress(InvalidRequest):
        read_sheets(book, "dia.xlsx")
