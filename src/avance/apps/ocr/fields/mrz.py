"""
The machine-readable lines of passports (TD3) and cards (TD1), ICAO 9303.
"""

import re
from typing import Any

import msgspec

_VALUES = {**{str(n): n for n in range(10)}, **{chr(65 + n): 10 + n for n in range(26)}, "<": 0}
_TO_DIGIT = str.maketrans("OQDILZSBG", "000112586")
_TO_LETTER = str.maketrans("01258", "OIZSB")
TD3, TD1 = 44, 30
LENGTH_SLACK = 2


class Mrz(msgspec.Struct, frozen=True, kw_only=True):
    surname: str
    names: str
    number: str
    nationality: str
    born: str | None
    expires: str | None
    sex: str | None
    valid: int
    """How many check digits are right."""
    checks: int


def digit(text: str) -> int:
    """
    7-3-1.
    """
    return sum(_VALUES.get(char, 0) * (7, 3, 1)[at % 3] for at, char in enumerate(text)) % 10


def find(text: str, *, year: int) -> Mrz | None:
    """
    The lines in a text that was read, mended where a letter can only be a digit or the other way round.
    """
    lines = [_bare(line) for line in text.split("\n")]
    lines = [
        line
        for line in lines
        if len(line) >= TD1 - LENGTH_SLACK and ("<" in line or _is_second(line))
    ]
    best: Mrz | None = None
    for at in range(len(lines) - 1):
        for found in (_td3(lines[at : at + 2], year), _td1(lines[at : at + 3], year)):
            if found is not None and (best is None or found.valid > best.valid):
                best = found
    return best


def _bare(line: str) -> str:
    upper = line.upper().replace(" ", "")
    for wrong in ("\u00ab", "\u2039", "\u226a"):
        upper = upper.replace(wrong, "<" if wrong == "\u2039" else "<<")
    return re.sub(r"[^A-Z0-9<]", "", upper)


def _is_second(line: str) -> bool:
    return sum(char.isdigit() for char in line) > 12


def _fitted(line: str, length: int) -> str | None:
    if abs(len(line) - length) > LENGTH_SLACK:
        return None
    if len(line) < length and "<" in line:
        # Filler in the middle is what an engine loses first.
        at = line.rindex("<")
        line = line[:at] + "<" * (length - len(line)) + line[at:]
    return line[:length].ljust(length, "<")


def _td3(lines: list[str], year: int) -> Mrz | None:
    if len(lines) < 2 or not lines[0].startswith("P"):
        return None
    first, second = _fitted(lines[0], TD3), _fitted(lines[1], TD3)
    if first is None or second is None:
        return None
    number, born, expires = second[0:9], _digits(second[13:19]), _digits(second[21:27])
    checks = [
        *_number_check(number, second[9]),
        digit(born) == _number(second[19]),
        digit(expires) == _number(second[27]),
    ]
    optional = second[28:42]
    checks.append(
        second[42] in "<0" if set(optional) == {"<"} else digit(optional) == _number(second[42])
    )
    whole = f"{number}{_digits(second[9])}{born}{_digits(second[19])}{expires}{_digits(second[27])}{optional}{second[42]}"
    checks.append(digit(whole) == _number(second[43]))
    return _made(first[5:], number, second[10:13], born, expires, second[20], checks, year)


def _td1(lines: list[str], year: int) -> Mrz | None:
    if len(lines) < 3 or lines[0][0] not in "IAC":
        return None
    fitted = [_fitted(line, TD1) for line in lines]
    if any(line is None for line in fitted):
        return None
    first, second, third = (line or "" for line in fitted)
    number, born, expires = first[5:14], _digits(second[0:6]), _digits(second[8:14])
    checks = [
        *_number_check(number, first[14]),
        digit(born) == _number(second[6]),
        digit(expires) == _number(second[14]),
    ]
    whole = f"{first[5:30]}{born}{_digits(second[6])}{expires}{_digits(second[14])}{second[18:29]}"
    checks.append(digit(whole) == _number(second[29]))
    return _made(third, number, second[15:18], born, expires, second[7], checks, year)


def _number_check(number: str, check: str) -> list[bool]:
    return [digit(number) == _number(check)]


def _made(
    names: str,
    number: str,
    nationality: str,
    born: str,
    expires: str,
    sex: str,
    checks: list[bool],
    year: int,
) -> Mrz:
    surname, _, given = names.rstrip("<").translate(_TO_LETTER).partition("<<")
    facts: dict[str, Any] = {
        "surname": surname.replace("<", " ").strip(),
        "names": given.replace("<", " ").strip(),
        "number": number.replace("<", ""),
        "nationality": nationality.translate(_TO_LETTER).replace("<", ""),
        "born": _date(born, year, is_birth=True),
        "expires": _date(expires, year, is_birth=False),
        "sex": sex if sex in "MF" else None,
    }
    return Mrz(**facts, valid=sum(checks), checks=len(checks))


def _digits(text: str) -> str:
    return text.translate(_TO_DIGIT)


def _number(char: str) -> int:
    found = _digits(char)
    return int(found) if found.isdigit() else (0 if found == "<" else -1)


def _date(text: str, year: int, *, is_birth: bool) -> str | None:
    if not re.fullmatch(r"\d{6}", text):
        return None
    short, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    century = year // 100 * 100
    whole = century + short
    if is_birth and whole > year:
        whole -= 100
    return f"{whole:04d}-{month:02d}-{day:02d}" if 1 <= month <= 12 and 1 <= day <= 31 else None
