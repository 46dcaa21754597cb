"""
Files as sheets of rows. Nothing is written to the disk.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
from openpyxl import load_workbook

from avance.apps.routes.tables.headings import fields_of
from avance.errors import AvanceError, InvalidRequest

ROWS_MAX = 200_000
COLUMNS_MAX = 200
HEADING_ROWS_MAX = 15
UNPACKED_BYTES_MAX = 300 * 2**20
HEADINGS_MIN = 2


class Row(msgspec.Struct, frozen=True):
    sheet: str
    number: int
    values: dict[str, Any]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    fields: tuple[str, ...]
    unused: tuple[str, ...]
    """Headings of columns that hold nothing known to us."""
    rows: tuple[Row, ...]


def read_sheets(data: bytes, name: str) -> list[Sheet]:
    """
    The sheets that have headings known to us.

    Raises:
        InvalidRequest: It is neither a workbook nor CSV, or too large.
    """
    grids = _workbook(data) if data[:2] == b"PK" else list(_csv(data, name))
    return [sheet for title, grid in grids if (sheet := _sheet(title, grid)) is not None]


def _workbook(data: bytes) -> list[tuple[str, list[list[Any]]]]:
    try:
        return list(_unpacked(data))
    except AvanceError:
        raise
    # The library tells of damage by whatever the readers of zip, XML and numbers below it raise, of which it names none.
    except Exception as error:
        raise InvalidRequest(
            f"the workbook cannot be read ({type(error).__name__}: {error}); save it as XLSX again",
            code="workbook_unusable",
        ) from error


def _unpacked(data: bytes) -> Iterator[tuple[str, list[list[Any]]]]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        unpacked = sum(part.file_size for part in packed.infolist())
    if unpacked > UNPACKED_BYTES_MAX:
        raise InvalidRequest(
            f"the workbook unpacks to {unpacked} bytes, the most is {UNPACKED_BYTES_MAX}",
            code="workbook_unusable",
        )
    with closing(load_workbook(io.BytesIO(data), read_only=True, data_only=True)) as book:
        for sheet in book.worksheets:
            yield sheet.title, [list(row) for row in _bounded(sheet.iter_rows(values_only=True))]


def _bounded(rows: Iterator[Any]) -> Iterator[Any]:
    for number, row in enumerate(rows):
        if number >= ROWS_MAX:
            raise InvalidRequest(
                f"a sheet has over {ROWS_MAX} rows; split it", code="workbook_unusable"
            )
        yield row[:COLUMNS_MAX]


def _csv(data: bytes, name: str) -> Iterator[tuple[str, list[list[Any]]]]:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise InvalidRequest(
            "the file is neither a workbook (XLSX) nor text (CSV)", code="workbook_unusable"
        )
    if "\0" in text:
        raise InvalidRequest(
            "the file is neither a workbook (XLSX) nor text (CSV)", code="workbook_unusable"
        )
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    try:
        rows = list(_bounded(csv.reader(io.StringIO(text), delimiter=delimiter)))
    except csv.Error as error:
        raise InvalidRequest(
            f"the CSV cannot be read: {error}", code="workbook_unusable"
        ) from error
    yield name or "csv", rows


def _sheet(title: str, grid: list[list[Any]]) -> Sheet | None:
    """
    The heading row is the one among the first that names the most fields.
    """
    found = [(fields_of(row), number) for number, row in enumerate(grid[:HEADING_ROWS_MAX])]
    if not found:
        return None
    fields, at = max(found, key=lambda one: len(one[0]))
    if len(fields) < HEADINGS_MIN:
        return None
    rows = []
    for number, row in enumerate(grid[at + 1 :], at + 2):
        values = {field: row[column] for column, field in fields.items() if column < len(row)}
        if any(value not in (None, "") for value in values.values()):
            rows.append(Row(title, number, values))
    unused = tuple(
        str(heading).strip()
        for column, heading in enumerate(grid[at])
        if column not in fields and heading is not None and str(heading).strip()
    )
    return Sheet(name=title, fields=tuple(fields.values()), unused=unused, rows=tuple(rows))
