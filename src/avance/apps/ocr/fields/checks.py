"""
Whether a value can be true, by its own check digits.
"""

import re
from collections.abc import Iterator
from datetime import date

_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_LIKE = {"0": "QD", "1": "JL", "2": "Z", "5": "S", "6": "G", "8": "B", "4": "A"}
"""Letters that an engine takes for a figure."""
_CIF_LETTERS = "JABCDEFGHI"
_MONTHS = (
    ("ENE", "JAN"), ("FEB",), ("MAR",), ("ABR", "APR"), ("MAY",), ("JUN",),
    ("JUL",), ("AGO", "AUG"), ("SEP", "SET"), ("OCT",), ("NOV",), ("DIC", "DEC"),
)  # fmt: skip
_SHAPES = str.maketrans("0QD1L5864V", "OOOIISBGAU")
"""Letters and figures that an engine takes for each other: `0ct`, `D1C`."""
_MONTH_OF = {
    word.translate(_SHAPES): number
    for number, words in enumerate(_MONTHS, start=1)
    for word in words
}
_END = r"(?=T?\d{1,2}:\d\d|\b)"
"""An engine loses the space between a date and its hour: `20/08/202521:57`."""
_YEAR = rf"((?:19|20)\d\d|2100){_END}"
_WORD = "([A-Z0-9]{3}(?:[A-Z0-9]{0,6}[A-Z])?)"
_YMD = re.compile(rf"\b(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_END}")
_DMY = re.compile(
    rf"\b(\d{{1,2}})\s?[-/.]\s?(\d{{1,2}})\s?[-/.]\s?(?:(?!\d{{4}}:\d\d(?!:)){_YEAR}|(\d\d){_END})"
)
_D_MONTH_Y = re.compile(
    rf"\b(\d{{1,2}})\s*(?:DE\s+|[-/. ])?\s*{_WORD}\.?\s*(?:DE\s+|DEL\s+|[-/., ])?\s*{_YEAR}"
)
_MONTH_D_Y = re.compile(rf"\b{_WORD}\.?\s*(\d{{1,2}})(?:ST|ND|RD|TH)?,?\s*{_YEAR}")
IBAN_CHARS = {"ES": 24, "DE": 22, "FR": 27, "IT": 27, "PT": 25, "GB": 22, "NL": 18, "BE": 16}
YEAR_MIN, YEAR_MAX = 1900, 2100


def rut(text: str) -> str | None:
    """
    `XX.XXX.XXX-X`, if its check digit (modulo 11) is right.
    """
    bare = re.sub(r"[.\s,·]", "", text.upper()).replace("–", "-").replace("—", "-")
    found = re.fullmatch(r"0*(\d{6,8})-?([\dK])", bare)
    if found is None or rut_digit(found[1]) != found[2]:
        return None
    return f"{int(found[1]):,}".replace(",", ".") + f"-{found[2]}"


def rut_digit(number: str) -> str:
    total = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(number)))
    rest = 11 - total % 11
    return {11: "0", 10: "K"}.get(rest, str(rest))


def nif(text: str) -> str | None:
    """
    A Spanish NIF, NIE or CIF, if its control character is right.
    """
    bare = re.sub(r"[\s.\-/]", "", text.upper()).removeprefix("ES")
    if re.fullmatch(r"\d{9}", bare) and _LETTERS[int(bare[:8]) % 23] in _LIKE.get(bare[8], ""):
        # A figure cannot stand at the end; the letter that it looks like is the right one.
        return bare[:8] + _LETTERS[int(bare[:8]) % 23]
    if re.fullmatch(r"\d{8}[A-Z]", bare):
        return bare if _LETTERS[int(bare[:8]) % 23] == bare[8] else None
    if re.fullmatch(r"[XYZ]\d{7}[A-Z]", bare):
        number = int("XYZ".index(bare[0]).__str__() + bare[1:8])
        return bare if _LETTERS[number % 23] == bare[8] else None
    if re.fullmatch(r"[ABCDEFGHJNPQRSUVW]\d{7}[0-9A-J]", bare):
        return bare if bare[8] in cif_controls(bare[1:8]) else None
    return None


def cif_controls(digits: str) -> str:
    """
    The digit and the letter that may end a CIF of these seven digits.
    """
    even = sum(int(digit) for digit in digits[1::2])
    odd = sum(sum(divmod(int(digit) * 2, 10)) for digit in digits[0::2])
    control = (10 - (even + odd) % 10) % 10
    return f"{control}{_CIF_LETTERS[control]}"


def iban(text: str) -> str | None:
    """
    An IBAN whose remainder is 1.
    """
    bare = re.sub(r"[\s-]", "", text.upper())
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", bare):
        return None
    if len(bare) != IBAN_CHARS.get(bare[:2], len(bare)):
        return None
    digits = "".join(str(int(char, 36)) for char in bare[4:] + bare[:4])
    return bare if int(digits) % 97 == 1 else None


def find_date(text: str) -> str | None:
    """
    The first date in a text that can be one, as YYYY-MM-DD.
    """
    upper = text.upper()
    days = (day for read in (_numbered, _day_first, _month_first, _figures) for day in read(upper))
    return next((day for day in days if day), None)


def _numbered(text: str) -> Iterator[str | None]:
    for found in _YMD.finditer(text):
        yield _date(int(found[1]), int(found[2]), int(found[3]))


def _day_first(text: str) -> Iterator[str | None]:
    for found in _D_MONTH_Y.finditer(text):
        yield _date(int(found[3]), _month(found[2]), int(found[1]))


def _month_first(text: str) -> Iterator[str | None]:
    for found in _MONTH_D_Y.finditer(text):
        yield _date(int(found[3]), _month(found[1]), int(found[2]))


def _figures(text: str) -> Iterator[str | None]:
    for found in _DMY.finditer(text):
        first, second = int(found[1]), int(found[2])
        year = int(found[3] or f"20{found[4]}")
        yield _date(year, second, first) or _date(year, first, second)


def _month(word: str) -> int:
    """
    0, of which there is no day, where it is none.
    """
    head = word[:3]
    return 0 if head.isdigit() else _MONTH_OF.get(head.translate(_SHAPES), 0)


def _date(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat() if YEAR_MIN <= year <= YEAR_MAX else None
    except ValueError:
        return None


_AMOUNT = re.compile(
    r"(?<![\w.,])-?\d{1,3}(?:[.,\s']\d{3})+(?:[.,]\d{1,2})?(?![\w])|(?<![\w.,])-?\d+(?:[.,]\d{1,2})?(?![\w])"
)


_EXACT = re.compile(r"(?<![\w.,/:-])\d{1,3}(?:[.,']?\d{3})*[.,]\d{2}(?![\d.,/%:])")


def amounts(text: str) -> list[int]:
    """
    Every amount of money in a text, in cents: `1.234,56`, `1,234.56`, `12.990`.
    """
    found = (_cents(one[0]) for one in _AMOUNT.finditer(joined(text)))
    return [one for one in found if one is not None]


def joined(text: str) -> str:
    """
    `19 .89` and `210. 00` are how an engine writes wide letters.
    """
    return re.sub(r"(?<=\d)\s?([.,])\s?(?=\d\d(?!\d))", r"\1", text)


def exact_amounts(text: str) -> list[int]:
    """
    Those with cents, which no number of a date, an hour or an article has.
    """
    found = (_cents(one[0]) for one in _EXACT.finditer(joined(text)))
    return [one for one in found if one is not None]


def _cents(text: str) -> int | None:
    bare = re.sub(r"[\s']", "", text)
    sign = -1 if bare.startswith("-") else 1
    bare = bare.lstrip("-")
    parts = re.split(r"[.,]", bare)
    if len(parts) > 1 and len(parts[-1]) in (1, 2):
        whole, part = "".join(parts[:-1]), parts[-1].ljust(2, "0")
    else:
        whole, part = "".join(parts), "00"
    return sign * (int(whole) * 100 + int(part)) if len(whole) <= 12 else None


def money(cents: int) -> str:
    """
    `1234.56`.
    """
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"
