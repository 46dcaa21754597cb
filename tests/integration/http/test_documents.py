"""
What the server tells about itself: OpenAPI, AsyncAPI, pages, metrics; and that it works under a prefix.
"""

import re
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import msgspec
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from avance.edge.http import Measure, Metrics, Socket
from avance.model import event


class Greeting(msgspec.Struct, tag="connected", tag_field="type"):
    """
    The first frame.
    """

    job_id: str


class Twin:
    class Greeting(msgspec.Struct, tag="hello", tag_field="type"):
        user: str


SOCKETS = (
    Socket(
        name="ingest",
        address="/ws/jobs/{job_id}",
        summary="Steps of one document.",
        sends=(Greeting,),
        parameters={"job_id": "The id of the job."},
    ),
    Socket(name="hello", address="/ws/hello", summary="Hello.", sends=(Twin.Greeting,)),
)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/")
    found = document
    for part in reference[2:].split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json"])
async def test_every_reference_of_a_document_leads_somewhere(site, path: str) -> None:
    async with site(mode="open", services={"sockets": SOCKETS}) as here:
        document = (await here.client.get(path)).json()
        found = list(references(document))
        assert found
        for reference in found:
            assert resolve(document, reference) is not None


async def test_openapi_names_every_route_of_v1(site) -> None:
    async with site(mode="open") as here:
        document = (await here.client.get("/openapi.json")).json()
        assert document["openapi"].startswith("3.")
        routes = {
            (verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs
        }
        job = "/v1/jobs/{job_id}"
        assert {
            ("GET", "/v1/me"),
            ("GET", "/v1/apps"),
            ("GET", "/v1/stats"),
            ("GET", "/v1/workers"),
            ("POST", "/v1/workers/pause"),
            ("GET", "/v1/connections"),
            ("POST", "/v1/connections/kick"),
            ("GET", "/v1/tasks"),
            ("POST", "/v1/jobs"),
            ("GET", "/v1/jobs"),
            ("GET", job),
            ("DELETE", job),
            ("GET", f"{job}/events"),
            ("GET", f"{job}/result"),
            ("GET", f"{job}/input"),
            ("POST", f"{job}/cancel"),
            ("POST", f"{job}/retry"),
            ("POST", "/v1/tokens"),
            ("POST", "/v1/tokens/revoke"),
            ("GET", "/health"),
            ("GET", "/ready"),
            ("GET", "/metrics"),
        } == routes
        ids = [
            operation["operationId"]
            for verbs in document["paths"].values()
            for operation in verbs.values()
        ]
        assert len(set(ids)) == len(ids)
        assert "x-avance-kinds" not in str(document)


async def test_asyncapi_tells_the_protocol_the_events_and_every_dialect(site) -> None:
    async with site(mode="open", services={"sockets": SOCKETS}) as here:
        document = (await here.client.get("/asyncapi.json")).json()
        assert document["asyncapi"] == "3.0.0"
        assert {"centrifugo", "job", "jobs", "ingest", "hello"} <= set(document["channels"])
        assert document["channels"]["ingest"]["address"] == "/ws/jobs/{job_id}"
        progressed = document["components"]["schemas"]["Progressed"]
        assert {"v", "seq", "type", "job_id", "attempt", "ts", "progress"} <= set(
            progressed["required"]
        )
        # Two dialects may use one name for different frames.
        messages = document["components"]["messages"]
        assert messages["Greeting"]["payload"] != messages["Greeting_"]["payload"]
        for operation in document["operations"].values():
            channel = resolve(document, operation["channel"]["$ref"])
            for message in operation["messages"]:
                assert message["$ref"].rsplit("/", 1)[1] in channel["messages"]


async def test_asyncapi_forgets_no_event_of_the_model(site) -> None:
    async with site(mode="open") as here:
        document = (await here.client.get("/asyncapi.json")).json()
    described = {
        message["$ref"].rsplit("/", 1)[1]
        for name in ("job", "jobs")
        for message in document["channels"][name]["messages"].values()
    }
    kinds = {
        name
        for name, kind in vars(event).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == event.__name__
        and kind.__struct_config__.tag is not None
        and kind.__struct_config__.tag != kind.__name__
    }
    assert described == kinds


@pytest.mark.parametrize("path", ["/docs", "/docs/sockets"])
async def test_a_page_asks_nobody_else(site, path: str) -> None:
    async with site(mode="open") as here:
        page = await here.client.get(path)
        assert page.headers["content-type"].startswith("text/html")
        addresses = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
        assert addresses
        for address in addresses:
            assert (await here.client.get(address)).status_code == 200
        for name in ("page.js", "page.css"):
            content = (await here.client.get(f"/docs/{name}")).text
            assert not re.search(r"https?://|//[a-z]+\.[a-z]", content)


async def test_the_home_of_a_browser_is_the_console_if_there_is_one(site) -> None:
    for has_console, accept, target in (
        (True, "text/html", "/console/"),
        (True, "application/json", "/docs"),
        (False, "text/html", "/docs"),
    ):
        async with site(services={"has_console": has_console}) as here:
            answer = await here.client.get("/", headers={"Accept": accept})
            assert answer.headers["location"] == target


@pytest.mark.parametrize("outer", [FastAPI, Starlette])
async def test_it_works_under_a_prefix_of_somebody_elses_app(site, outer: Any) -> None:
    async with site() as here:
        stranger = outer(routes=[Mount("/avance", app=here.app)])
        transport = httpx.ASGITransport(app=stranger)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            headers = here.as_user("ana")
            assert (await client.get("/avance/v1/jobs")).status_code == 401
            assert (await client.get("/avance/health")).status_code == 200
            body = {"task": "demo.add", "params": {"a": 1}}
            made = (await client.post("/avance/v1/jobs", json=body, headers=headers)).json()
            assert made["urls"]["self"] == f"/avance/v1/jobs/{made['id']}"
            assert (await client.get(made["urls"]["self"], headers=headers)).status_code == 200
            page = await client.get("/avance/docs")
            assert 'src="/avance/docs/page.js"' in page.text
            document = (await client.get("/avance/openapi.json", headers=headers)).json()
            assert document["servers"] == [{"url": "/avance"}]


async def test_metrics_tell_what_was_counted_and_what_sources_say(site) -> None:
    metrics = Metrics(kinds_max=1)

    async def connections() -> list[Measure]:
        return [
            Measure(name="avance_connections", help="Open.", value=3, labels={"transport": "ws"}),
            Measure(name="avance_deliveries_total", help="Sent.", value=7, is_counter=True),
        ]

    metrics.add_source(connections)
    metrics.job_ended("a", "completed", run_s=2, wait_s=0.1)
    metrics.job_ended("b", "failed")
    async with site(mode="open", services={"metrics": metrics}) as here:
        await here.client.post("/v1/jobs", json={"task": "demo.add", "params": {"a": 1}})
        await here.client.get("/v1/jobs/nothing")
        answer = await here.client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = answer.text.splitlines()
        assert 'avance_connections{transport="ws"} 3.0' in lines
        assert "avance_deliveries_total 7.0" in lines
        assert 'avance_jobs_ended_total{kind="a",state="completed"} 1.0' in lines
        assert 'avance_jobs_ended_total{kind="other",state="failed"} 1.0' in lines
        assert any(
            line.startswith("avance_http_request_seconds_count")
            and 'route="/v1/jobs"' in line
            and 'method="POST"' in line
            for line in lines
        )
        assert any('route="/v1/jobs/{job_id}",status="4xx"' in line for line in lines)
        assert "nothing" not in answer.text


async def test_other_routes_of_the_program_are_served_beside_ours(site) -> None:
    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    services = {
        "socket_routes": [Route("/connection/sse", hello), Route("/api/{method}", hello)],
        "mounts": [Mount("/console", routes=[Route("/{rest:path}", hello)])],
        "public_paths": ["/hooks/*"],
    }
    async with site(services=services) as here:
        assert (await here.client.get("/connection/sse")).text == "hello"
        assert (await here.client.get("/api/publish")).text == "hello"
        assert (await here.client.get("/api/a/b")).status_code == 401
        assert (await here.client.get("/console/x")).text == "hello"
        assert (await here.client.get("/hooks/x")).status_code == 404
        assert (await here.client.get("/hooksx")).status_code == 401
