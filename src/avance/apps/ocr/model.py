"""
A document on its way through OCR, as the contract writes it; and which state may follow which.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from avance.apps.ocr.errors import DocumentDecided


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED)


NEXT: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(Status),
    Status.PROCESSING: frozenset({Status.PROCESSING, Status.COMPLETED, Status.FAILED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
}


class Decision(StrEnum):
    APPROVED = "APPROVED"
    MANUAL_REVIEW = "MANUAL_REVIEW"
    REJECTED = "REJECTED"


class Stage(StrEnum):
    """
    `processingStatus`.
    """

    PENDING = "PENDING"
    PREVALIDATION = "PREVALIDATION"
    REVI = "REVI"
    CLASSIFICATION = "CLASSIFICATION"
    EXTRACTION = "EXTRACTION"
    AUTHENTICITY = "AUTHENTICITY"
    VALIDATION = "VALIDATION"
    IDENTITY_CL = "VALIDATION_IDENTIDAD_CL"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """
    What is absent is not written.
    """


class Observation(Shape, frozen=True, kw_only=True):
    rule: str
    severity: str
    reason: str = ""
    message: str = ""
    expected: Any = None
    found: Any = None


class OcrResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    success: bool
    confidence: int
    extracted_text: str = ""
    fields: dict[str, Any] = {}
    language: str | None = None
    processing_time: float | None = None
    metadata: dict[str, Any] = {}
    field_confidence: dict[str, int] = {}
    """Additive: of each field, 0 to 100."""


class Document(Shape, frozen=True, kw_only=True):
    id: str
    file_name: str
    owner_user_name: str
    status: Status
    created_at: str
    updated_at: str
    request_id: str
    platform_document_id: str = ""
    file_url: str = ""
    processing_status: str = "PENDING"
    ocr_result: OcrResult | None = None
    error: str | None = None
    final_decision: str | None = None
    document_type: str | None = None
    expiration_date: str | None = None
    observations: tuple[Observation, ...] = ()
    job_id: str | None = None
    pages: int = 0
    """Read so far."""
    reviewed_by: str | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """
    A document and what is kept beside it.
    """

    document: Document
    owner: str
    tenant: str
    version: int
    engine: str
    blob_key: str | None
    ended_ms: int | None
    expected: dict[str, Any] = {}
    """What the owner says that it is: documentType, rut, name."""


def may_follow(now: Status, then: Status) -> bool:
    return then in NEXT[now]


Change = Callable[[Document], Document | None]


def changed(now: Document, change: Change, *, is_person: bool) -> Document | None:
    """
    What a change makes of a document; None where all stays as it is.

    Raises:
        DocumentDecided: It has ended, or the change leads back; a person may do that all the same.
    """
    then = change(now)
    if then is None or then == now:
        return None
    if not is_person and not may_follow(now.status, then.status):
        raise DocumentDecided(
            f"document {now.id} is {now.status}; it cannot become {then.status}",
            document_id=now.id,
            status=now.status.value,
        )
    return then
