from collections.abc import Iterator
from typing import Any

import msgspec
from python_calamine import CalamineError, CalamineWorkbook

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.limits import ReadingLimits
from avance.apps.reading.pages import About, Page


def read(path: str, limits: dict[str, Any]) -> Iterator[About | Page]:
    bounds = msgspec.convert(limits, ReadingLimits)
    try:
        workbook = CalamineWorkbook.from_path(path)
        names = workbook.sheet_names
        yield About(pages=len(names))
        for number, name in enumerate(names, start=1):
            rows = workbook.get_sheet_by_name(name).to_python()
            lines = (" | ".join(_shown(cell) for cell in row if cell != "") for row in rows)
            text = "\n".join([name, *(line for line in lines if line)])
            for start in range(0, len(text), bounds.page_chars_max):
                yield Page(number=number, text=text[start : start + bounds.page_chars_max])
    except CalamineError as error:
        raise Unreadable(f"the workbook is damaged: {error}", code="document_damaged") from error


def _shown(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
