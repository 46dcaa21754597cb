"""
Reading a CSV file of products, row by row; what is wrong with one is told and the others are taken.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from avance.apps.retail.goods import Finding, ProductIn
from avance.errors import InvalidRequest

COLUMNS = ("sku", "name", "stock", "threshold", "price", "responsible")
REQUIRED = ("sku", "name")
NUMBERS = ("stock", "threshold")
FINDINGS_MAX = 500


def read_products(content: bytes, rows_max: int) -> tuple[list[ProductIn], list[Finding]]:
    """
    Raises:
        InvalidRequest: It is no such file at all: not UTF-8, no header, an unknown column, too many rows.
    """
    reader = csv.DictReader(
        io.StringIO(_text(content)), restkey="more", strict=True, delimiter=_delimiter(content)
    )
    _check_header(reader.fieldnames)
    products: dict[str, ProductIn] = {}
    findings: list[Finding] = []
    try:
        for number, row in enumerate(reader, start=2):
            if number > rows_max + 1:
                raise _refused(f"the file has over {rows_max} rows; split it", code="too_many_rows")
            found = list(_problems(number, row))
            product = None if found else _product(number, row, found)
            if product is not None and product.sku in products:
                found.append(_finding(number, "sku", "duplicate", f"{product.sku} is there twice"))
            elif product is not None:
                products[product.sku] = product
            findings += found
    except csv.Error as error:
        raise _refused(f"line {reader.line_num} is no CSV: {error}", code="invalid_csv") from error
    return list(products.values()), findings[:FINDINGS_MAX]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"the file is not UTF-8: byte {error.start}", code="invalid_csv") from error


def _delimiter(content: bytes) -> str:
    # Spreadsheets in Spanish write semicolons.
    head = content.partition(b"\n")[0]
    return ";" if head.count(b";") > head.count(b",") else ","


def _check_header(names: Any) -> None:
    given = [str(name).strip() for name in names or ()]
    missing = [name for name in REQUIRED if name not in given]
    unknown = [name for name in given if name not in COLUMNS]
    if missing or unknown or len(set(given)) < len(given):
        raise _refused(
            f"the first line is {', '.join(given)[:200]!r}; it names columns, {' and '.join(REQUIRED)} among them, of: {', '.join(COLUMNS)}",
            code="invalid_csv",
        )


def _problems(number: int, row: Mapping[str, Any]) -> Iterator[Finding]:
    if "more" in row:
        yield _finding(number, None, "too_many_cells", "the row has more cells than the header")
    for name in REQUIRED:
        if not (row.get(name) or "").strip():
            yield _finding(number, name, "missing", f"{name} is empty")
    for name in NUMBERS:
        text = (row.get(name) or "").strip()
        if text and not (text.isascii() and text.isdigit()):
            yield _finding(
                number, name, "no_number", f"{name} is {text[:40]!r}, not a whole number from 0"
            )
    if _cents(row) is None:
        yield _finding(number, "price", "no_number", f"price is {row['price'][:40]!r}; write 12.50")


def _product(number: int, row: Mapping[str, Any], found: list[Finding]) -> ProductIn | None:
    fields: dict[str, Any] = {
        "sku": row["sku"].strip(),
        "name": row["name"].strip(),
        "price_cents": _cents(row),
        **{name: int((row.get(name) or "0").strip() or 0) for name in NUMBERS},
        "responsible": (row.get("responsible") or "").strip() or None,
    }
    try:
        return msgspec.convert(fields, ProductIn)
    except msgspec.ValidationError as error:
        found.append(_finding(number, None, "invalid", str(error)))
        return None


def _cents(row: Mapping[str, Any]) -> int | None:
    text = (row.get("price") or "").strip().replace(",", ".")
    if not text:
        return 0
    whole, _, part = text.partition(".")
    if (
        not (whole + part).isdigit()
        or not text.isascii()
        or not whole
        or len(part) > 2
        or len(whole) > 9
    ):
        return None
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def _finding(row: int, column: str | None, code: str, message: str) -> Finding:
    return Finding(row=row, column=column, code=code, message=message)


def _refused(message: str, *, code: str) -> InvalidRequest:
    return InvalidRequest(message, code=code)
