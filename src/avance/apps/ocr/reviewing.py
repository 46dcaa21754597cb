"""
What a person says of a document that has ended: its status stays, its fields and its decision may change.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from avance.apps.ocr.errors import BadDocument
from avance.apps.ocr.model import Decision, Document
from avance.apps.ocr.spelling import fields_of, names, text_of
from avance.errors import Conflict

UNDECIDED = "PENDING"


class Review(msgspec.Struct, frozen=True, kw_only=True):
    decision: str | None
    fields: dict[str, Any]
    document_type: str | None

    @property
    def what(self) -> str:
        return "decide" if self.decision else "correct"

    def applied(self, now: Document, author: str) -> Document:
        """
        Raises:
            Conflict: It has not ended, or has no result to correct.
        """
        if not now.status.is_final:
            raise Conflict(
                f"document {now.id} is {now.status}; wait until it has ended", code="ocr_not_ended"
            )
        result = now.ocr_result
        if self.fields:
            if result is None:
                raise Conflict(f"document {now.id} has no result to correct", code="ocr_not_ended")
            sure = {**result.field_confidence, **dict.fromkeys(self.fields, 100)}
            result = msgspec.structs.replace(
                result, fields={**result.fields, **self.fields}, field_confidence=sure
            )
        changes: dict[str, Any] = {"ocr_result": result, "reviewed_by": author}
        if self.decision is not None:
            changes["final_decision"] = None if self.decision == UNDECIDED else self.decision
        if self.document_type is not None:
            changes["document_type"] = self.document_type
        return msgspec.structs.replace(now, **changes)


def read_review(body: Mapping[str, Any]) -> Review:
    """
    Raises:
        BadDocument: It says nothing, or no decision that there is.
    """
    given = names(body)
    decision = text_of(given, "final_decision", chars_max=40)
    if decision is not None and decision not in (*Decision, UNDECIDED):
        raise BadDocument(
            f"finalDecision is {decision!r}; one of {UNDECIDED}, {', '.join(Decision)}"
        )
    fields = fields_of(given.get("fields"))
    document_type = text_of(given, "document_type", chars_max=200)
    if decision is None and not fields and document_type is None:
        raise BadDocument("give finalDecision, fields or documentType")
    return Review(decision=decision, fields=fields, document_type=document_type)


def changed_parts(now: Document, then: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    What stood before a review where it changed something, and what stands now.
    """
    before, after = _decided(now), _decided(then)
    return (
        {key: value for key, value in before.items() if after[key] != value},
        {key: value for key, value in after.items() if before[key] != value},
    )


def _decided(document: Document) -> dict[str, Any]:
    result = document.ocr_result
    return {
        "finalDecision": document.final_decision,
        "documentType": document.document_type,
        "fields": {} if result is None else dict(result.fields),
    }
