import logging

import pytest

from avance.edge.http import RedactingFilter
from avance.edge.http.redact import redact


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET /v1/jobs?token=abc.def.ghi&limit=1 200", "limit=1 200"),
        ("GET /x?limit=1&api_key=abc.def.ghi", "limit=1"),
        ("GET /connection/sse?cf_connect=%7B%22token%22%3A%22abc.def.ghi%22%7D", "GET"),
        ("Authorization: Bearer abc.def.ghi", "Authorization"),
        ("ACCESS_TOKEN=abc.def.ghi", "ACCESS_TOKEN"),
        ("'token=abc.def.ghi'", "'"),
    ],
)
def test_credentials_are_blotted_out_and_the_rest_stays(text: str, kept: str) -> None:
    redacted = redact(text)
    assert "abc.def.ghi" not in redacted
    assert "***" in redacted
    assert kept in redacted


def test_a_text_without_credentials_stays_as_it_is() -> None:
    text = "GET /v1/tokens 200, next_token is not here"
    assert redact(text) == text


@pytest.mark.parametrize("args", [("GET", "/x?token=abc"), {"path": "/x?token=abc"}])
def test_arguments_of_a_log_record_are_blotted_out_too(args: object) -> None:
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 1, "%s", None, None)
    record.args = args  # type: ignore[assignment]
    assert RedactingFilter().filter(record)
    assert "abc" not in str(record.args)
