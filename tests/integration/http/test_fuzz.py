"""
Whatever arrives, the answer is what was promised: no 500, every refusal a problem, nothing without credentials.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avance.edge.http import HttpLimits

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
PATHS = (
    "/v1/jobs",
    "/v1/jobs/{id}",
    "/v1/jobs/{id}/events",
    "/v1/jobs/{id}/result",
    "/v1/jobs/{id}/input",
    "/v1/jobs/{id}/cancel",
    "/v1/jobs/{id}/retry",
    "/v1/tasks",
    "/v1/tokens",
    "/v1/tokens/revoke",
    "/health",
    "/ready",
    "/metrics",
    "/docs",
    "/docs/sockets",
    "/",
)
FIELDS = [
    "task",
    "params",
    "owner",
    "title",
    "tags",
    "meta",
    "priority",
    "delay_s",
    "run_at",
    "unique",
    "expires_s",
    "parent_id",
    "weight",
    "job_id",
    "user",
    "role",
    "tenant",
    "ttl_s",
    "channels",
    "channel",
    "token",
    "token_id",
    "state",
    "kind",
    "tag",
    "text",
    "parent",
    "created_after",
    "created_before",
    "limit",
    "cursor",
    "since",
    "epoch",
    "wait_s",
]

Answer = tuple[int, dict[str, str], bytes]
Call = Callable[..., Answer]

any_text = st.text(max_size=40) | st.sampled_from(
    [
        "",
        "\x00",
        "demo.add",
        "ana",
        "\ud7ff\ue000",
        "2026-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "NaN",
    ]
)
numbers = (
    st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -1, 2**53, 2**63, 2**64, 1e308, -1e308, 5e-324])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
bodies = (
    st.binary(max_size=200)
    | values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    | st.dictionaries(st.sampled_from(FIELDS) | any_text, values, max_size=6).map(
        lambda value: json.dumps(value).encode("utf-8", "surrogatepass")
    )
    | st.fixed_dictionaries(
        {"task": st.just("demo.add"), "params": st.just({"a": 1})},
        optional=dict.fromkeys(FIELDS[2:14], values),
    ).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
)
queries = st.binary(max_size=60).map(lambda raw: quote(raw, safe="=&").encode()) | st.lists(
    st.tuples(st.sampled_from(FIELDS) | any_text, any_text | numbers.map(str)), max_size=4
).map(
    lambda pairs: "&".join(
        f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in pairs
    ).encode()
)
header_values = st.binary(max_size=60).map(
    lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\x00")
)
headers = st.dictionaries(
    st.sampled_from(
        [
            b"content-type",
            b"content-length",
            b"origin",
            b"host",
            b"accept",
            b"cookie",
            b"x-forwarded-for",
            b"transfer-encoding",
            b"expect",
            b"sec-fetch-site",
            b"x-request-id",
        ]
    ),
    header_values
    | st.sampled_from([b"application/json", b"text/html", b"null", b"0", b"99999999999999999999"]),
    max_size=4,
)
credentials = st.sampled_from(
    [(b"x-api-key", b"key-ana"), (b"x-api-key", b"key-root")]
) | st.tuples(
    st.sampled_from([b"authorization", b"x-api-key"]),
    header_values | header_values.map(lambda value: b"Bearer " + value),
)


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture
def call(site: Any, portal: BlockingPortal) -> Iterator[Call]:
    # Without rates, which would soon answer everything.
    limits = HttpLimits(starts_per_minute=0, refusals_per_minute_address=0)
    with portal.wrap_async_context_manager(site(limits=limits)) as here:
        made = portal.call(here.submit)

        def ask(*arguments: Any) -> Answer:
            return portal.call(request, here, made["id"], *arguments)

        yield ask


async def request(
    here: Any,
    job_id: str,
    method: str,
    path: str,
    query: bytes,
    given_headers: dict[bytes, bytes],
    body: list[bytes],
) -> Answer:
    raw_path = path.replace("{id}", job_id)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *given_headers.items()],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8030),
    }
    chunks = iter([*body[:-1], None])
    started: dict[str, Any] = {}
    content = bytearray()

    async def receive() -> dict[str, Any]:
        chunk = next(chunks, b"")
        if chunk is None:
            return {"type": "http.request", "body": body[-1] if body else b"", "more_body": False}
        return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert not started
            started.update(message)
        else:
            content.extend(message.get("body", b""))

    await here.app(scope, receive, send)
    told = {name.decode("latin-1"): value.decode("latin-1") for name, value in started["headers"]}
    return started["status"], told, bytes(content)


def check(method: str, status: int, told: dict[str, str], content: bytes) -> None:
    assert status < 500, content
    assert told["x-content-type-options"] == "nosniff" or status == 200
    if (
        status >= 400
        and method != "HEAD"
        and told.get("content-type") != "text/plain; charset=utf-8"
    ):
        assert told["content-type"] == "application/problem+json"
        problem = json.loads(content)
        assert problem["status"] == status
        assert problem["code"]
        assert problem["detail"]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PATHS)
    | st.text(max_size=20).map(lambda text: "/" + quote(text, errors="replace")),
    query=queries.filter(lambda query: b"wait_s" not in query),
    extra=headers,
    credential=credentials,
    body=st.lists(bodies, max_size=3),
)
def test_whatever_arrives_gets_a_clear_answer(
    call: Call, method: str, path: str, query: bytes, extra: dict[bytes, bytes],
    credential: tuple[bytes, bytes], body: list[bytes],
) -> None:  # fmt: skip
    check(method, *call(method, path, query, {**extra, credential[0]: credential[1]}, body))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["/v1/jobs", "/v1/tokens", "/v1/tokens/revoke", "/v1/jobs/{id}/cancel"]),
    user=st.sampled_from([b"key-ana", b"key-root"]),
    body=bodies,
)
def test_whatever_body_arrives_gets_a_clear_answer(
    call: Call, path: str, user: bytes, body: bytes
) -> None:
    given_headers = {b"x-api-key": user, b"content-type": b"application/json"}
    check("POST", *call("POST", path, b"", given_headers, [body]))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.sampled_from(PATHS)
    | st.text(max_size=20).map(lambda text: "/" + quote(text, errors="replace")),
    query=queries,
    extra=headers,
)
def test_nothing_but_health_and_pages_is_told_without_credentials(
    call: Call, method: str, path: str, query: bytes, extra: dict[bytes, bytes]
) -> None:
    status, told, content = call(method, path, query, extra, [])
    check(method, status, told, content)
    is_public = path in ("/", "/health", "/ready", "/docs", "/docs/sockets")
    if not is_public and unquote(path) not in ("/", "/health", "/ready", "/docs"):
        assert status in (401, 413, 422), (status, content)
