"""
Whatever an engine says, a document has one of four states. docs/contract/ocr.md, 3.3.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avance.apps.ocr import frames
from avance.apps.ocr.errors import BadDocument
from avance.apps.ocr.fields.decide import decide, similarity
from avance.apps.ocr.fields.extract import Found
from avance.apps.ocr.model import Decision, Document, Stage, Status, may_follow
from avance.apps.ocr.told import of_callback, of_notice

WORDS = st.sampled_from(
    [*Status, *Decision, *Stage, "approved", "done", "COMPLETED", "in_review", "", "cancelled"]
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-5, 200), st.floats(0, 100), WORDS)
KEYS = st.sampled_from(
    [
        *("status", "processing_status", "processingStatus", "final_decision", "finalDecision"),
        *("xrv_final_decision", "confidence", "error", "document_type", "language", "requestId"),
    ]
)
RESULT = st.dictionaries(
    st.sampled_from(["success", "confidence", "extractedText", "text", "fields", "language"]),
    VALUES,
)
FLAT = st.dictionaries(KEYS, VALUES).map(lambda body: {**body, "platform_document_id": "d-1"})
ENTRY = st.tuples(FLAT, st.none() | RESULT).map(lambda one: {**one[0], "result": one[1]})
BATCH = st.lists(ENTRY, min_size=1, max_size=3).map(lambda entries: {"documents": entries})
NOTICE = st.tuples(FLAT, st.none() | RESULT).map(
    lambda one: {**one[0], "documentId": "d-1", "ocrResult": one[1]}
)
FOUR = {"pending", "processing", "completed", "failed"}


def document(status: Status = Status.PENDING) -> Document:
    return Document(
        id="d-1",
        file_name="card.jpg",
        owner_user_name="Ana",
        status=status,
        created_at="2026-01-22T10:30:00Z",
        updated_at="2026-01-22T10:30:00Z",
        request_id="r-1",
    )


def check(now: Document, said: Any) -> None:
    then = said.applied(now)
    told = json.loads(frames.update_of(then))
    answer = json.loads(frames.status_of(then, "2026-01-22T10:30:00Z"))
    kept = json.loads(frames.encode(then))
    for one in (told, answer, kept):
        assert one["status"] in FOUR
        assert one.get("processingStatus", "PENDING") in set(Stage)
    if then.ocr_result is not None:
        assert isinstance(then.ocr_result.confidence, int)
        assert 0 <= then.ocr_result.confidence <= 100
    if then.status is Status.FAILED:
        assert then.error


@given(st.one_of(FLAT, BATCH), st.sampled_from([Status.PENDING, Status.PROCESSING]))
def test_a_callback_ends_in_one_of_four_states_or_is_refused(
    body: dict[str, Any], before: Status
) -> None:
    """004-T9: document and frames never hold another word; stages stand in processingStatus alone."""
    try:
        said = of_callback(body)
    except BadDocument:
        return
    for one in said:
        check(document(before), one)


@given(NOTICE)
def test_a_notice_ends_in_one_of_four_states_or_is_refused(body: dict[str, Any]) -> None:
    """004-T9."""
    try:
        said = of_notice(body)
    except BadDocument:
        return
    check(document(), said)


@pytest.mark.parametrize(
    ("decision", "status", "confidence"),
    [
        ("APPROVED", "completed", 95),
        ("MANUAL_REVIEW", "completed", 85),
        ("REJECTED", "failed", None),
    ],
)
def test_the_table_of_decisions(decision: str, status: str, confidence: int | None) -> None:
    body = {"platform_document_id": "d-1", "final_decision": decision, "data_structure": {"a": 1}}
    [said] = of_callback(body)
    assert said.status == status
    if confidence is not None:
        assert said.result is not None
        assert said.result.confidence == confidence
        assert said.result.fields == {"a": 1}
    [given_one] = of_callback({**body, "confidence": 0.61})
    if confidence is not None:
        assert given_one.result is not None
        assert given_one.result.confidence == 61
    [other] = of_callback({"platform_document_id": "d-1", "final_decision": "MAYBE"})
    assert other.status is Status.FAILED
    assert "MAYBE" in (other.error or "")


def test_nothing_follows_an_end() -> None:
    for end in (Status.COMPLETED, Status.FAILED):
        assert not any(may_follow(end, then) for then in Status)
    assert not may_follow(Status.PROCESSING, Status.PENDING)


def found(**fields: str) -> Found:
    return Found(
        document_type="Pasaporte", fields=fields, confidence={}, expires=fields.get("until")
    )


def decided(one: Found, *, confidence: int = 95, text: str = "x", **expected: str) -> Any:
    return decide(one, text=text, confidence=confidence, expected=expected, today="2026-06-01")


def test_the_table_of_conditions() -> None:
    """docs/contract/ocr.md, 3.2: each condition, and what it leads to."""
    name = {"nombre_completo": "María José González"}
    for told, wanted, severity in (
        (decided(found(), text=" "), Decision.REJECTED, "critical"),
        (decided(found(), documentType="Licencia de Conducir CL"), Decision.REJECTED, "critical"),
        (decided(found(rut="1-9"), rut="12.345.678-5"), Decision.REJECTED, "critical"),
        (decided(found(**name), name="Pedro Soto"), Decision.REJECTED, "critical"),
        (decided(found(until="2026-05-31")), Decision.REJECTED, "critical"),
        (decided(found(until="2026-06-01")), Decision.APPROVED, "success"),
        (decided(found(**name), name="gonzalez maria jose"), Decision.APPROVED, "success"),
        (decided(found(), confidence=69), Decision.MANUAL_REVIEW, "warning"),
        (decided(found(), confidence=70), Decision.APPROVED, None),
    ):
        decision, observations = told
        assert decision is wanted
        assert severity is None or observations[0].severity == severity


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_are_alike_in_both_directions(one: str, other: str) -> None:
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, one) == 1 or not one.strip()
