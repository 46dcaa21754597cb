"""
What follows from a result. docs/contract/ocr.md, 3.2.
"""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from avance.apps.ocr.fields import checks
from avance.apps.ocr.fields.extract import Found
from avance.apps.ocr.fields.labels import plain
from avance.apps.ocr.model import Decision, Observation

CONFIDENCE_MIN = 70
NAME_SIMILARITY_MIN = 0.7
_DOUBTS = {
    "mrz_check_digits": "the check digits of the machine-readable zone are wrong",
    "total_is_base_plus_tax": "the total is not the base and the tax together",
}


def decide(
    found: Found, *, text: str, confidence: int, expected: Mapping[str, Any], today: str
) -> tuple[Decision, tuple[Observation, ...]]:
    """
    The decision, and every observation that led to it.
    """
    if not text.strip():
        return Decision.REJECTED, (_critical("text", "no_text", "there is no text on it"),)
    seen = [*_against(found, expected), *_expiry(found, today)]
    if any(one.severity == "critical" for one in seen):
        return Decision.REJECTED, tuple(seen)
    seen += [_warning(rule, _DOUBTS[rule]) for rule in found.doubts]
    if confidence < CONFIDENCE_MIN:
        seen.append(
            _warning(
                "confidence", f"it was read with {confidence} of 100", CONFIDENCE_MIN, confidence
            )
        )
    is_sure = confidence >= CONFIDENCE_MIN and not found.doubts
    return Decision.APPROVED if is_sure else Decision.MANUAL_REVIEW, tuple(seen)


def _against(found: Found, expected: Mapping[str, Any]) -> Sequence[Observation]:
    seen = []
    kind = expected.get("documentType")
    if kind:
        seen.append(
            _compared("document_type", kind, found.document_type, kind == found.document_type)
        )
    rut = expected.get("rut")
    if rut and "rut" in found.fields:
        wanted = checks.rut(str(rut)) or str(rut)
        seen.append(_compared("rut", wanted, found.fields["rut"], wanted == found.fields["rut"]))
    name = expected.get("name")
    told = name_of(found.fields)
    if name and told:
        seen.append(
            _compared("name", name, told, similarity(str(name), told) >= NAME_SIMILARITY_MIN)
        )
    return seen


def name_of(fields: Mapping[str, Any]) -> str:
    if "nombre_completo" in fields:
        return str(fields["nombre_completo"])
    parts = ("nombre", "apellido_paterno", "apellido_materno")
    return " ".join(str(fields[part]) for part in parts if part in fields)


def similarity(first: str, second: str) -> float:
    """
    Between 0 and 1; accents, case and the order of the names do not matter.
    """
    one, other = (sorted(plain(text).split()) for text in (first, second))
    return SequenceMatcher(None, " ".join(one), " ".join(other)).ratio()


def _expiry(found: Found, today: str) -> Sequence[Observation]:
    if found.expires is None:
        return []
    return [_compared("expiration", f"on or after {today}", found.expires, found.expires >= today)]


def _compared(rule: str, expected: Any, told: Any, is_same: bool) -> Observation:
    return Observation(
        rule=rule,
        severity="success" if is_same else "critical",
        reason="match" if is_same else "mismatch",
        message=f"{rule}: {told}" if is_same else f"{rule}: {told} instead of {expected}",
        expected=expected,
        found=told,
    )


def _critical(rule: str, reason: str, message: str) -> Observation:
    return Observation(rule=rule, severity="critical", reason=reason, message=message)


def _warning(rule: str, message: str, expected: Any = None, found: Any = None) -> Observation:
    return Observation(
        rule=rule,
        severity="warning",
        reason=rule,
        message=message,
        expected=expected,
        found=found,
    )
