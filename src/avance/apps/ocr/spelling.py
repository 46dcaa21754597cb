"""
Many spellings come in, one goes out: docs/contract/ocr.md, decision 6.
"""

import re
from collections.abc import Mapping
from typing import Any

from avance.apps.ocr.errors import BadDocument
from avance.apps.ocr.model import Observation

_VENDORS = ("xrv_", "vendor_", "revi_", "ocr_")
_SAME = {
    "text": "extracted_text",
    "capa": "severity",
    "razon": "reason",
    "data_structure": "fields",
    "regla": "rule",
    "mensaje": "message",
    "esperado": "expected",
    "encontrado": "found",
    "doc_id": "document_id",
}
SEVERITIES = ("critical", "warning", "success")
TEXT_CHARS_MAX = 5_000_000


def names(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    With every name in snake case, and without a vendor's prefix.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        bare = _snake(str(name))
        for vendor in _VENDORS:
            if bare.removeprefix(vendor) in ("final_decision", "processing_status", "request_id"):
                bare = bare.removeprefix(vendor)
        found.setdefault(_SAME.get(bare, bare), value)
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")


def text_of(given: Mapping[str, Any], name: str, *, chars_max: int = 2_048) -> str | None:
    """
    Raises:
        BadDocument: It is there and is no text of that length.
    """
    value = given.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > chars_max:
        raise BadDocument(f"{name} is no text of up to {chars_max} characters")
    return value


def required(given: Mapping[str, Any], name: str, *, chars_max: int = 2_048) -> str:
    """
    Raises:
        BadDocument: It is missing.
    """
    value = text_of(given, name, chars_max=chars_max)
    if value is None:
        raise BadDocument(f"{name} is missing", field=name)
    return value


def confidence_of(value: Any) -> int | None:
    """
    0 to 100; 0 to 1 is multiplied.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise BadDocument(f"confidence is {value!r}, not a number from 0 to 100")
    # 1 as a whole number is one of a hundred, 1.0 is all.
    is_share = value <= 1 and (isinstance(value, float) or value == 0)
    return round(value * 100) if is_share else round(value)


def observations_of(value: Any) -> tuple[Observation, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > 200:
        raise BadDocument("observations is no list of up to 200")
    return tuple(_observation(one) for one in value)


def _observation(value: Any) -> Observation:
    if isinstance(value, str):
        return Observation(rule="engine", severity="warning", message=value[:2_000])
    if not isinstance(value, dict):
        raise BadDocument("an observation is no object")
    given = names(value)
    severity = str(given.get("severity", "warning")).lower()
    return Observation(
        rule=str(given.get("rule", "engine"))[:200],
        severity=severity if severity in SEVERITIES else "warning",
        reason=str(given.get("reason", ""))[:2_000],
        message=str(given.get("message", ""))[:2_000],
        expected=given.get("expected"),
        found=given.get("found"),
    )


def fields_of(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadDocument("fields is no object")
    return {str(name): one for name, one in value.items()}
