"""
Strange and too large requests get a clear answer, and faults of ours give nothing away.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from avance.edge.http import Health, HttpLimits

Problem = Callable[[Any], dict[str, Any]]


class Thing(BaseModel):
    size: int


def app_router() -> APIRouter:
    """
    What an app would bring, with pydantic and files.
    """
    router = APIRouter(prefix="/things")

    @router.post("")
    async def make(thing: Thing) -> dict[str, int]:
        return {"size": thing.size}

    @router.post("/file")
    async def take(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(chunk) async for chunk in request.stream()])}

    @router.get("/fault")
    async def fail() -> None:
        raise RuntimeError("the password is 1234")

    @router.post("/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    return router


SERVICES = {"routers": [app_router()], "body_bytes_max": {"/things/file": 5_000}}


async def chunks(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 100):
        yield b"x" * 100


@pytest.mark.parametrize("path", ["/v1/jobs", "/things", "/things/echo"])
@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_over_the_limit_is_413_announced_or_not(
    site, problem: Problem, path: str, is_announced: bool
) -> None:
    limits = HttpLimits(body_bytes_max=1_000)
    async with site(mode="open", limits=limits, services=SERVICES) as here:
        content: Any = b"x" * 2_000 if is_announced else chunks(2_000)
        answer = await here.client.post(
            path, content=content, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")
        assert problem(answer)["params"]["bytes_max"] == 1_000


async def test_a_body_at_the_limit_is_taken(site) -> None:
    limits = HttpLimits(body_bytes_max=1_000)
    async with site(mode="open", limits=limits, services=SERVICES) as here:
        answer = await here.client.post("/things/echo", content=chunks(1_000))
        assert answer.json() == {"bytes": 1_000}


async def test_routes_for_files_have_a_limit_of_their_own(site, problem: Problem) -> None:
    limits = HttpLimits(body_bytes_max=1_000)
    async with site(mode="open", limits=limits, services=SERVICES) as here:
        answer = await here.client.post("/things/file", content=chunks(3_000))
        assert answer.json() == {"bytes": 3_000}
        answer = await here.client.post("/things/file", content=chunks(6_000))
        assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "9" * 5_000, "\u0663"])
async def test_a_strange_length_is_refused(site, problem: Problem, length: str) -> None:
    async with site(mode="open") as here:
        answer = await here.client.post(
            "/v1/jobs", content=b"", headers={"Content-Length": length.encode("utf-8")}
        )
        assert answer.status_code in (413, 422)
        problem(answer)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"[]", "invalid_request"),
        (b"null", "invalid_request"),
        (b'"x"', "invalid_request"),
        (b'{"task":NaN}', "invalid_json"),
        (b'{"task":"demo.add","params":{"a":1e999}}', "invalid_request"),
        (b'{"task":"demo.add","params":{"a":' + b"9" * 10_000 + b"}}", "invalid_request"),
        (b'{"task":"\xff"}', "invalid_json"),
        (b'{"task":"\\ud800"}', "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b"[" * 100_000, "invalid_request"),
        (b'{"task":"demo.add","params":' + b'{"a":' * 200 + b"1" + b"}" * 201, "invalid_json"),
        (b'{"task":"demo.add","params":[' + b"[" * 64 + b"]" * 65 + b"}", "invalid_json"),
        (b"{}" * 2, "invalid_request"),
        (b"\x00", "invalid_json"),
    ],
)
async def test_a_body_that_is_not_plain_json_is_refused(
    site, problem: Problem, body: bytes, code: str
) -> None:
    async with site(mode="open") as here:
        answer = await here.client.post(
            "/v1/jobs", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, answer.text
        assert problem(answer)["code"] == code


async def test_brackets_in_a_text_are_not_nesting(site) -> None:
    async with site(mode="open") as here:
        meta = {"note": "[" * 500 + '\\"{' + "{" * 500}
        answer = await here.client.post(
            "/v1/jobs", json={"task": "demo.add", "params": {"a": 1}, "meta": meta}
        )
        assert answer.status_code == 200
        assert answer.json()["meta"] == meta


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/jobs/", 404, "not_found"),
        ("PUT", "/v1/jobs", 405, "method_not_allowed"),
        ("DELETE", "/health", 405, "method_not_allowed"),
        ("PATCH", "/v1/tokens", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    site, problem: Problem, method: str, path: str, status: int, code: str
) -> None:
    async with site(mode="open") as here:
        answer = await here.client.request(method, path)
        assert (answer.status_code, problem(answer)["code"]) == (status, code)


async def test_what_pydantic_refuses_in_a_route_of_an_app_is_a_problem(
    site, problem: Problem
) -> None:
    async with site(mode="open", services=SERVICES) as here:
        answer = await here.client.post("/things", json={"size": "big"})
        told = problem(answer)
        assert (answer.status_code, told["code"]) == (422, "invalid_request")
        assert told["params"]["errors"][0]["where"] == "body.size"
        answer = await here.client.post(
            "/things", content=b"{", headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
        problem(answer)


async def test_a_fault_is_logged_under_an_id_and_gives_nothing_away(
    site, problem: Problem, caplog: pytest.LogCaptureFixture
) -> None:
    async with site(mode="open", services=SERVICES) as here:
        answer = await here.client.get("/things/fault")
        told = problem(answer)
        assert (answer.status_code, told["code"]) == (500, "internal")
        assert "1234" not in answer.text
        assert "RuntimeError" not in answer.text
        assert told["params"]["error_id"] in caplog.text
        assert "the password is 1234" in caplog.text


async def test_a_part_that_fails_or_hangs_is_not_ready(site) -> None:
    async def broken() -> Health:
        raise OSError("disk")

    async def hanging() -> Health:
        await anyio.sleep_forever()
        raise AssertionError

    async def fine() -> Health:
        return Health(is_ok=True, data={"free": 3})

    async def optional() -> Health:
        return Health(is_ok=False, is_required=False, detail="not configured")

    limits = HttpLimits(probe_timeout_s=0.05)
    probes = {"store": broken, "executor": hanging, "bus": fine, "mail": optional}
    async with site(limits=limits, services={"probes": probes}) as here:
        answer = await here.client.get("/ready")
        assert answer.status_code == 503
        parts = answer.json()["parts"]
        assert {name: part["status"] for name, part in parts.items()} == {
            "bus": "ok",
            "executor": "down",
            "mail": "down",
            "store": "down",
        }
        health = await here.client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "healthy")
    async with site(services={"probes": {"bus": fine, "mail": optional}}) as here:
        assert (await here.client.get("/ready")).status_code == 200


async def test_health_answers_head_and_get(site) -> None:
    """000-15: JSON with `status` healthy."""
    async with site() as here:
        answer = await here.client.get("/health")
        assert answer.json() == {
            "status": "healthy",
            "version": "1.2.3",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "parts": {},
        }
        head = await here.client.head("/health")
        assert (head.status_code, head.content) == (200, b"")


async def test_too_many_waiting_polls_are_answered_503(site, problem: Problem) -> None:
    async with site(limits=HttpLimits(long_polls_max=0)) as here:
        made = await here.submit()
        answer = await here.client.get(
            f"{made['urls']['events']}?wait_s=1", headers=here.as_user("ana")
        )
        assert (answer.status_code, problem(answer)["code"]) == (503, "too_many_polls")
        assert "retry-after" in answer.headers


async def test_arguments_over_their_limit_are_413(site, problem: Problem) -> None:
    async with site(mode="open") as here:
        answer = await here.client.post(
            "/v1/jobs", json={"task": "demo.secret_task", "params": {"text": "x" * 300_000}}
        )
        assert (answer.status_code, problem(answer)["code"]) == (413, "input_too_large")


async def test_a_full_disk_is_a_clear_answer_and_reading_goes_on(site, problem: Problem) -> None:
    async with site(mode="open", file_bytes_max=600_000) as here:
        big = {"task": "demo.secret_task", "params": {"text": "x" * 100_000}}
        answers = [await here.client.post("/v1/jobs", json=big) for _ in range(12)]
        refused = next(answer for answer in answers if answer.status_code != 200)
        assert refused.status_code == 503
        assert problem(refused)["code"] != "internal"
        assert "retry-after" in refused.headers
        kept = sum(answer.status_code == 200 for answer in answers)
        listed = (await here.client.get("/v1/jobs")).json()["jobs"]
        assert len(listed) == kept > 0
