"""
The fields of a document, each with how sure it is: as sure as its letters, and surer when its check digits are right.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from avance.apps.ocr.engines.words import Word
from avance.apps.ocr.fields import checks, kinds, mrz
from avance.apps.ocr.fields.labels import Reading, Value, plain

VALIDATED = 0.97
UNCHECKED = 0.9
"""Of the zone for machines, without a second witness."""
CENTS_OF_TOLERANCE = 2
_RUT = re.compile(r"(?<!\d)\d{1,2}[.,]?\s?\d{3}[.,]?\s?\d{3}\s?[-–—]\s?[\dkK]\b")
_NIF = re.compile(
    r"\b(?:ES)?[- ]?(?:\d{8}[- ]?[A-Z]|\d{9}|[XYZ][- ]?\d{7}[- ]?[A-Z]|[ABCDEFGHJNPQRSUVW][- ]?\d{7}[0-9A-J])\b"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{2,4}){3,8}\b")
_OF_ANOTHER = re.compile(r"\s*(?!EUR|CLP|USD|GBP|INC|IVA|VAT)[A-Za-zÀ-ÿ]{3,}")
"""A word before the amount: it is that of another line."""
_CURRENCY = (
    ("€", "EUR"),
    ("EUR", "EUR"),
    ("CLP", "CLP"),
    ("USD", "USD"),
    ("GBP", "GBP"),
    ("£", "GBP"),
    ("$", "USD"),
)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    document_type: str
    fields: dict[str, Any]
    confidence: dict[str, int]
    expires: str | None = None
    doubts: tuple[str, ...] = ()
    """Rules that what was found breaks."""


def extract(pages: Sequence[Sequence[Word]], document_type: str, *, year: int) -> Found:
    """
    Read the fields of a kind out of the words.
    """
    wanted = kinds.FIELDS.get(document_type, {})
    labels = {
        label for fields in kinds.FIELDS.values() for one in fields.values() for label in one.labels
    }
    readings = [Reading(words, labels) for words in pages]
    text = "\n".join(reading.text() for reading in readings)
    found: dict[str, Value] = {}
    for name, field in wanted.items():
        value = _first(readings, field)
        if value is not None:
            found[name] = value
    return _finished(document_type, found, text, year)


_RATE = re.compile(r"\b(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
CLASSES = frozenset({"A1", "A2", "A3", "A4", "A5", "B", "C", "D", "E", "F"})


def _first(readings: Sequence[Reading], field: kinds.Field) -> Value | None:
    read = _READERS[field.kind]
    for label in field.labels:
        found = [
            value
            for reading in readings
            for spot in reading.values(label, below=field.below)
            if (value := _read_one(spot, read)) is not None
        ]
        if found:
            # The sum of a page stands at its end.
            return found[-1] if field.kind == "amount" else found[0]
    return None


def _read_one(spot: Sequence[Value], read: Callable[[str], str | None]) -> Value | None:
    for value in spot:
        text = read(value.text)
        if text:
            return Value(text=text, confidence=value.confidence)
    return None


def _name(text: str) -> str | None:
    kept = re.sub(r"[^A-Za-zÀ-ÿ' -]", " ", text)
    kept = " ".join(part for part in kept.split() if len(part) > 1 or part.upper() == "Y")
    return kept or None


def _sex(text: str) -> str | None:
    first = plain(text).strip()[:1]
    word = plain(text).split()[:1]
    if word and word[0] in ("MASCULINO", "MALE", "HOMBRE"):
        return "M"
    if word and word[0] in ("FEMENINO", "FEMALE", "MUJER"):
        return "F"
    return first if word and len(word[0]) == 1 and first in "MF" else None


def _rut(text: str) -> str | None:
    found = _RUT.search(text)
    return checks.rut(found[0]) if found else None


def _amount(text: str) -> str | None:
    without_percent = re.sub(r"\d+(?:[.,]\d+)?\s?%", " ", text)
    if _OF_ANOTHER.match(without_percent):
        return None
    found = checks.amounts(without_percent)
    return checks.money(found[-1]) if found else None


def _number(text: str) -> str | None:
    parts = [part.strip(" :;#.,") for part in text.split()]
    return next((part for part in parts if any(char.isdigit() for char in part)), None)


def _classes(text: str) -> str | None:
    """
    Of a driving licence: A1 to A5 and B to F. One large letter by itself is read as `Cc` or `€` by some engines.
    """
    words = re.findall(r"A[ -]?[1-5]|[A-Z0-9]+", text.upper().replace("€", "C"))
    bare = [re.sub(r"^([A-F])\1$", r"\1", re.sub(r"[ -]", "", word)) for word in words]
    known = [word for word in bare if word in CLASSES]
    return " ".join(known) or None


def _text(text: str) -> str | None:
    return text.strip(" :;.,") or None


_READERS: dict[str, Callable[[str], str | None]] = {
    "name": _name,
    "sex": _sex,
    "rut": _rut,
    "date": checks.find_date,
    "amount": _amount,
    "number": _number,
    "classes": _classes,
    "text": _text,
}


def _finished(document_type: str, found: dict[str, Value], text: str, year: int) -> Found:
    doubts: list[str] = []
    if document_type in (kinds.CARD_FRONT, kinds.CARD_BACK, kinds.LICENCE) and "rut" not in found:
        _search_rut(found, text)
    if document_type in (kinds.PASSPORT, kinds.CARD_BACK):
        doubts += _from_mrz(document_type, found, text, year)
    if document_type in (kinds.INVOICE, kinds.RECEIPT):
        doubts += _of_money(document_type, found, text)
    _join_names(document_type, found)
    expires = found.get("fecha_vencimiento")
    allowed = ALLOWED.get(document_type)
    shown = {name: value for name, value in found.items() if allowed is None or name in allowed}
    return Found(
        document_type=document_type,
        fields={name: value.text for name, value in shown.items()},
        confidence={name: round(value.confidence * 100) for name, value in shown.items()},
        expires=None if expires is None else expires.text,
        doubts=tuple(doubts),
    )


ALLOWED = {
    kinds.CARD_FRONT: frozenset(
        {
            *("nombre", "apellido_paterno", "apellido_materno", "rut"),
            *("fecha_nacimiento", "nacionalidad", "sexo"),
        }
    ),
    kinds.CARD_BACK: frozenset({"rut", "fecha_emision", "fecha_vencimiento", "numero_documento"}),
    kinds.LICENCE: frozenset(
        {"nombre_completo", "rut", "fecha_vencimiento", "categoria", "direccion", "fecha_emision"}
    ),
    kinds.PASSPORT: frozenset(
        {
            *("nombre_completo", "numero_pasaporte", "nacionalidad"),
            *("fecha_nacimiento", "fecha_vencimiento", "sexo"),
        }
    ),
}
"""The fields of the contract; a front side tells when a card expires, which is no field of it."""


def _search_rut(found: dict[str, Value], text: str) -> None:
    for one in _RUT.finditer(text):
        value = checks.rut(one[0])
        if value is not None:
            found["rut"] = Value(text=value, confidence=VALIDATED)
            return


def _from_mrz(document_type: str, found: dict[str, Value], text: str, year: int) -> list[str]:
    read = mrz.find(text, year=year)
    if read is None:
        return []
    if read.valid < read.checks:
        return ["mrz_check_digits"]
    number = "numero_documento"
    told: dict[str, str | None] = {"fecha_vencimiento": read.expires}
    if document_type == kinds.PASSPORT:
        number = "numero_pasaporte"
        told |= {"fecha_nacimiento": read.born, "sexo": read.sex}
        for name, value in (
            ("apellidos", read.surname),
            ("nombres", read.names),
            ("nacionalidad", read.nationality),
        ):
            _agree(found, name, value)
    for name, fact in told.items():
        if fact:
            found[name] = Value(text=fact, confidence=VALIDATED)
    return _numbers_agree(found, number, read.number)


def _agree(found: dict[str, Value], name: str, value: str) -> None:
    """
    Names have no check digit. Those above the zone have accents and are whole; where both say the same they are sure.
    """
    seen = found.get(name)
    if seen is None or set(plain(seen.text).split()) < set(value.split()):
        found[name] = Value(text=value, confidence=UNCHECKED)
    elif _closed(plain(seen.text)) == _closed(value):
        spaced = _spaced(seen.text, value)
        found[name] = Value(text=spaced, confidence=max(seen.confidence, VALIDATED))


def _closed(text: str) -> str:
    return "".join(text.split())


def _spaced(text: str, like: str) -> str:
    """
    The text with the spaces of another: in the zone these are fillers, and not lost.
    """
    letters = _closed(text)
    if len(letters) != len(_closed(like)):
        return text
    rest = iter(letters)
    return "".join(char if char == " " else next(rest) for char in like)


def _numbers_agree(found: dict[str, Value], name: str, number: str) -> list[str]:
    """
    A letter and a figure that look alike may have the same check digit (L and 1), so the number above the zone has a say.
    """
    seen = found.get(name)
    bare = "" if seen is None else re.sub(r"[^A-Z0-9]", "", seen.text.upper())
    if bare == number:
        found[name] = Value(text=number, confidence=VALIDATED)
        return []
    if seen is not None and len(bare) == len(number) and mrz.digit(bare) == mrz.digit(number):
        found[name] = Value(text=bare, confidence=seen.confidence)
        return []
    found[name] = Value(text=number, confidence=UNCHECKED)
    return []


def _join_names(document_type: str, found: dict[str, Value]) -> None:
    names = found.pop("apellidos", None)
    if document_type == kinds.CARD_FRONT and names is not None:
        first, _, second = names.text.partition(" ")
        found["apellido_paterno"] = Value(text=first, confidence=names.confidence)
        if second:
            found["apellido_materno"] = Value(text=second, confidence=names.confidence)
        return
    given = found.pop("nombres", None)
    parts = [value for value in (given, names) if value is not None]
    if parts:
        found["nombre_completo"] = Value(
            text=" ".join(value.text for value in parts),
            confidence=min(value.confidence for value in parts),
        )


def _of_money(document_type: str, found: dict[str, Value], text: str) -> list[str]:
    for name, pattern, check in (("nif", _NIF, checks.nif), ("iban", _IBAN, checks.iban)):
        value = next((good for one in pattern.finditer(text) if (good := check(one[0]))), None)
        if value is not None:
            found[name] = Value(text=value, confidence=VALIDATED)
    _search_rut(found, text)
    currency = next((code for mark, code in _CURRENCY if mark in text), None)
    if currency is not None:
        found["moneda"] = Value(text=currency, confidence=0.9)
    first = next((line.strip() for line in text.split("\n") if len(line.strip()) > 2), "")
    if first:
        found["proveedor"] = Value(text=first, confidence=0.6)
    _proven_base(found, text)
    doubts = _check_sum(found)
    if document_type == kinds.RECEIPT and not doubts:
        _proven_total(found, text)
    return doubts


def _check_sum(found: dict[str, Value]) -> list[str]:
    names = ("base", "impuesto", "total")
    for name in names:
        if name in found:
            found[name] = _as_sure(found[name], at_most=UNCHECKED)
    cents = [checks.amounts(found[name].text)[0] if name in found else None for name in names]
    base, tax, total = cents
    if base is None or tax is None or total is None:
        return []
    if abs(base + tax - total) > CENTS_OF_TOLERANCE:
        return ["total_is_base_plus_tax"]
    for name in names:
        found[name] = Value(text=found[name].text, confidence=VALIDATED)
    return []


def _proven_base(found: dict[str, Value], text: str) -> None:
    """
    A base that was not read follows from total and tax, where the rate that stands on the page makes that tax of it.
    """
    rates = {Fraction(one.replace(",", ".")) / 100 for one in _RATE.findall(text)}
    if len(rates) != 1 or "impuesto" not in found or "total" not in found:
        return
    tax, total = (checks.amounts(found[name].text)[0] for name in ("impuesto", "total"))
    base, [rate] = total - tax, rates
    if base > 0 and tax and abs(base * rate - tax) <= CENTS_OF_TOLERANCE:
        found["base"] = Value(text=checks.money(base), confidence=VALIDATED)


def _as_sure(value: Value, *, at_most: float) -> Value:
    return Value(text=value.text, confidence=min(value.confidence, at_most))


def _proven_total(found: dict[str, Value], text: str) -> None:
    """
    A receipt proves its total: what was bought comes to it, and so does what was given without what came back. That also finds a total that lies, on a
    photograph, higher than its word.
    """
    seen = [cents for line in text.split("\n") for cents in checks.exact_amounts(line)]
    proven = {
        one
        for at, one in enumerate(seen)
        if one and ((at >= 2 and sum(seen[:at]) == one) or _is_paid(one, seen[at + 1 :]))
    }
    if not proven:
        # Not seen at all: what was bought and what was paid come to the same without it.
        proven = {
            given - back
            for at, (given, back) in enumerate(itertools.pairwise(seen))
            if at and back and sum(seen[:at]) == given - back
        }
    if len(proven) == 1:
        found["total"] = Value(text=checks.money(proven.pop()), confidence=VALIDATED)


def _is_paid(total: int, after: Sequence[int]) -> bool:
    return any(
        given - back == total and back < given for given, back in itertools.pairwise(after) if back
    )
