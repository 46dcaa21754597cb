"""
What is said on the socket. docs/contract/ocr.md, section 2.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from avance.apps.ocr.model import Document, Observation, OcrResult, Shape

TEXT_CHARS_MAX = 100_000
"""A frame carries so much text of a document; all of it is told by HTTP."""


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag="ping", tag_field="type"):
    pass


class SubscribeDocuments(
    msgspec.Struct, frozen=True, kw_only=True, tag="subscribe_documents", tag_field="type"
):
    pass


class GetDocumentStatus(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="get_document_status",
    tag_field="type",
    rename="camel",
):
    document_id: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class ConnectionEstablished(
    Shape, frozen=True, kw_only=True, tag="connection_established", tag_field="type"
):
    message: str
    connection_id: str
    timestamp: str


class Pong(Shape, frozen=True, kw_only=True, tag="pong", tag_field="type"):
    timestamp: str


class SubscriptionConfirmed(
    Shape, frozen=True, kw_only=True, tag="subscription_confirmed", tag_field="type"
):
    message: str
    timestamp: str


class Error(Shape, frozen=True, kw_only=True, tag="error", tag_field="type"):
    message: str
    timestamp: str


class _OfDocument(Shape, frozen=True, kw_only=True):
    document_id: str
    timestamp: str
    ocr_result: OcrResult | None = None
    error: str | None = None
    final_decision: str | None = None
    processing_status: str | None = None
    document_type: str | None = None
    observations: tuple[Observation, ...] = ()


class DocumentUpdate(
    _OfDocument, frozen=True, kw_only=True, tag="document_update", tag_field="type"
):
    status: str


class DocumentStatus(
    _OfDocument, frozen=True, kw_only=True, tag="document_status", tag_field="type"
):
    message: str
    status: str | None = None


TAKES = (Ping, SubscribeDocuments, GetDocumentStatus)
SENDS = (
    ConnectionEstablished,
    Pong,
    SubscriptionConfirmed,
    DocumentUpdate,
    DocumentStatus,
    Error,
)
Taken = Ping | SubscribeDocuments | GetDocumentStatus

encode = msgspec.json.Encoder().encode
read: Callable[[str], Taken] = msgspec.json.Decoder(Taken).decode


def iso_z(at_ms: int) -> str:
    """
    `2025-01-22T10:30:00Z`.
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _facts(document: Document, timestamp: str) -> dict[str, Any]:
    result = document.ocr_result
    if result is not None and len(result.extracted_text) > TEXT_CHARS_MAX:
        cut = result.extracted_text[:TEXT_CHARS_MAX]
        result = msgspec.structs.replace(result, extracted_text=cut)
    return {
        "document_id": document.id,
        "timestamp": timestamp,
        "ocr_result": result if document.status.is_final else None,
        "error": document.error,
        "final_decision": document.final_decision,
        "processing_status": document.processing_status,
        "document_type": document.document_type,
        "observations": document.observations,
    }


def update_of(document: Document) -> bytes:
    """
    The frame of a change; its time is that of the change.
    """
    return encode(
        DocumentUpdate(status=document.status.value, **_facts(document, document.updated_at))
    )


def status_of(document: Document, timestamp: str) -> bytes:
    """
    The answer to a question.
    """
    message = "Document status requested"
    facts = _facts(document, timestamp)
    return encode(DocumentStatus(message=message, status=document.status.value, **facts))


def unknown(document_id: str, timestamp: str) -> bytes:
    return encode(
        DocumentStatus(
            document_id=document_id,
            message="Document status requested",
            error="Document not found",
            timestamp=timestamp,
        )
    )
