"""
What an engine, or somebody in its place, says of a document; and what becomes of the document by it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from avance.apps.ocr.errors import BadDocument, DocumentDecided
from avance.apps.ocr.model import Decision, Document, Observation, OcrResult, Stage, Status
from avance.apps.ocr.spelling import (
    TEXT_CHARS_MAX,
    confidence_of,
    fields_of,
    names,
    observations_of,
    text_of,
)

APPROVED_CONFIDENCE, REVIEW_CONFIDENCE = 95, 85
REJECTED = "Rejected by the OCR engine"
_STAGES = frozenset(Stage)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """
    A change of one document. What is None stays as it is.
    """

    document_id: str
    status: Status
    processing_status: str | None = None
    result: OcrResult | None = None
    error: str | None = None
    final_decision: str | None = None
    document_type: str | None = None
    expiration_date: str | None = None
    observations: tuple[Observation, ...] | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    def applied(self, now: Document) -> Document:
        """
        The document after it.

        Raises:
            DocumentDecided: It has ended otherwise.
        """
        if now.status.is_final:
            raise DocumentDecided(
                f"document {now.id} is {now.status} already; what came says otherwise",
                document_id=now.id,
                status=now.status.value,
            )
        stage = self.processing_status or _STAGE_OF.get(self.status, now.processing_status)
        result = self.result or now.ocr_result
        changes: dict[str, Any] = {
            "status": self.status,
            "processing_status": stage,
            "ocr_result": result,
            "error": self.error if self.error is not None else now.error,
            "final_decision": self.final_decision or now.final_decision,
            "document_type": self.document_type or now.document_type,
            "expiration_date": self.expiration_date or now.expiration_date,
            "observations": now.observations if self.observations is None else self.observations,
        }
        return msgspec.structs.replace(now, **changes)


_STAGE_OF = {Status.COMPLETED: "COMPLETED", Status.FAILED: "FAILED"}


def of_callback(body: Mapping[str, Any]) -> list[Said]:
    """
    Either form of a callback.

    Raises:
        BadDocument: It is neither, or names no document.
    """
    given = names(body)
    if isinstance(given.get("documents"), list):
        entries = given["documents"]
        if not entries or not all(isinstance(one, dict) for one in entries):
            raise BadDocument("documents is empty, or has an entry that is no object")
        return [_of_batch(names(one)) for one in entries]
    return [_of_flat(given)]


def of_notice(body: Mapping[str, Any]) -> Said:
    """
    The body of `notify-update`.
    """
    given = names(body)
    said = _of_batch({**given, "result": given.get("ocr_result")})
    if said.status.is_final and said.final_decision not in (None, *Decision):
        raise BadDocument(f"finalDecision is {said.final_decision!r}; one of {', '.join(Decision)}")
    return said


def _id(given: Mapping[str, Any]) -> str:
    for name in ("platform_document_id", "document_id", "id"):
        found = text_of(given, name, chars_max=255)
        if found is not None:
            return found
    raise BadDocument("documentId is missing (platform_document_id)", field="documentId")


def _of_batch(given: Mapping[str, Any]) -> Said:
    document_id = _id(given)
    word = str(given.get("status", ""))
    if word not in tuple(Status):
        raise BadDocument(
            f"status is {word[:40]!r}; one of {', '.join(Status)}" if word else "status is missing",
            field="status",
        )
    status = Status(word)
    result = _result(given.get("result"), given, fallback=APPROVED_CONFIDENCE)
    error = text_of(given, "error")
    if status is Status.COMPLETED and result is None:
        result = OcrResult(success=True, confidence=APPROVED_CONFIDENCE)
    if status is Status.FAILED and error is None:
        error = "The OCR engine gave no reason"
    return Said(
        document_id=document_id,
        status=status,
        result=result,
        error=error,
        final_decision=text_of(given, "final_decision", chars_max=40),
        processing_status=_stage(given),
        document_type=text_of(given, "document_type", chars_max=200),
        expiration_date=text_of(given, "expiration_date", chars_max=40),
        observations=_observations(given),
    )


def _observations(given: Mapping[str, Any]) -> tuple[Observation, ...] | None:
    return observations_of(given["observations"]) if given.get("observations") is not None else None


def _stage(given: Mapping[str, Any]) -> str | None:
    word = text_of(given, "processing_status", chars_max=40)
    if word is not None and word.upper() not in _STAGES:
        raise BadDocument(f"processingStatus is {word!r}; one of {', '.join(Stage)}")
    return None if word is None else word.upper()


def _result(value: Any, beside: Mapping[str, Any], *, fallback: int) -> OcrResult | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadDocument("result is no object")
    given = names(value)
    confidence = confidence_of(given.get("confidence"))
    fields = given.get("fields", beside.get("fields"))
    return OcrResult(
        success=given.get("success") is not False,
        confidence=fallback if confidence is None else confidence,
        extracted_text=text_of(given, "extracted_text", chars_max=TEXT_CHARS_MAX) or "",
        fields=fields_of(fields),
        language=text_of(given, "language", chars_max=20),
    )


def _of_flat(given: Mapping[str, Any]) -> Said:
    document_id = _id(given)
    decision = text_of(given, "final_decision", chars_max=40)
    stage = _stage(given)
    facts: dict[str, Any] = {
        "document_id": document_id,
        "processing_status": stage,
        "document_type": text_of(given, "document_type", chars_max=200),
        "expiration_date": text_of(given, "expiration_date", chars_max=40),
        "observations": _observations(given),
    }
    if decision is None and stage not in (None, "COMPLETED", "FAILED"):
        # It tells how far it is.
        return Said(status=Status.PROCESSING, **facts)
    if decision in (Decision.APPROVED, Decision.MANUAL_REVIEW):
        is_approved = decision == Decision.APPROVED
        fallback = APPROVED_CONFIDENCE if is_approved else REVIEW_CONFIDENCE
        result = _result(_flat_result(given), given, fallback=fallback)
        facts["processing_status"] = stage or "COMPLETED"
        return Said(status=Status.COMPLETED, final_decision=decision, result=result, **facts)
    is_rejected = decision == Decision.REJECTED
    error = REJECTED if is_rejected else f"Unknown decision of the OCR engine: {decision}"
    facts["processing_status"] = "FAILED"
    return Said(
        status=Status.FAILED,
        error=error,
        final_decision=decision if is_rejected else None,
        result=_result({"success": False, "fields": given.get("fields")}, given, fallback=0)
        if given.get("fields")
        else None,
        **facts,
    )


def _flat_result(given: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("confidence", "extracted_text", "language", "fields")
    return {key: given[key] for key in keys if key in given}
