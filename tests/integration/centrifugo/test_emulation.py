"""
Transports without a socket: their commands come by requests of their own.
"""

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from aiohttp import ClientResponse, ClientSession
from serving import Options, Served, serve, token
from stock import PATIENCE_S

from avance.backends.memory import MemoryBus


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve(Options(origins=("https://app.example.com",))) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


CONNECT = {"id": 1, "connect": {"token": token("42")}}


async def next_line(answer: ClientResponse) -> dict[str, Any]:
    with anyio.fail_after(PATIENCE_S):
        while True:
            line = (await answer.content.readline()).strip().removeprefix(b"data: ")
            if line and line != b"{}":
                parsed: dict[str, Any] = json.loads(line)
                return parsed


async def emulate(
    http: ClientSession, served: Served, connected: dict[str, Any], *commands: dict[str, Any]
) -> int:
    body = {
        "session": connected["session"],
        "node": connected["node"],
        "data": "\n".join(json.dumps(command) for command in commands),
    }
    async with http.post(f"{served.http_url}/emulation", json=body) as answer:
        return answer.status


async def test_commands_go_one_way_and_replies_the_other(
    served: Served, http: ClientSession
) -> None:
    async with http.post(f"{served.http_url}/connection/http_stream", json=CONNECT) as stream:
        assert stream.headers["Content-Type"] == "application/json"
        assert stream.headers["X-Accel-Buffering"] == "no"
        connected = (await next_line(stream))["connect"]
        assert len(connected["session"]) >= 32
        commands = (
            {"id": 2, "subscribe": {"channel": "live:a"}},
            {"id": 3, "publish": {"channel": "live:a", "data": "ñ"}},
        )
        assert await emulate(http, served, connected, *commands) == 204
        assert (await next_line(stream))["id"] == 2
        texts = [await next_line(stream) for _ in range(3)]
        pushes = [text["push"] for text in texts if "push" in text]
        assert [push["pub"]["data"] for push in pushes if "pub" in push] == ["ñ"]


async def test_what_is_streamed_as_json_is_ascii(served: Served, http: ClientSession) -> None:
    # Older clients decode each chunk by itself, and a chunk may end within a character.
    async with http.post(f"{served.http_url}/connection/http_stream", json=CONNECT) as stream:
        connected = (await next_line(stream))["connect"]
        await emulate(http, served, connected, {"id": 2, "subscribe": {"channel": "news"}})
        await next_line(stream)
        await next_line(stream)
        await served.publisher.publish("news", '"mañana 🙂"'.encode())
        line = await stream.content.readline()
        assert line.isascii()
        assert json.loads(line)["push"]["pub"]["data"] == "mañana 🙂"


async def test_events_come_one_reply_each(served: Served, http: ClientSession) -> None:
    query = {"cf_connect": json.dumps(CONNECT)}
    async with http.get(f"{served.http_url}/connection/sse", params=query) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        connected = (await next_line(stream))["connect"]
        await emulate(
            http,
            served,
            connected,
            {"id": 2, "unsubscribe": {"channel": "a"}},
            {"id": 3, "unsubscribe": {"channel": "b"}},
        )
        assert [(await next_line(stream))["id"] for _ in range(2)] == [2, 3]


async def test_a_node_that_is_not_there_is_said_and_a_session_that_is_not_there_is_not(
    served: Served, http: ClientSession
) -> None:
    url = f"{served.http_url}/connection/http_stream"
    async with http.post(url, json=CONNECT) as stream:
        connected = (await next_line(stream))["connect"]
        gone = {**connected, "node": "gone"}
        assert await emulate(http, served, gone, {"id": 2, "rpc": {}}) == 404
        guessed = {**connected, "session": "guessed"}
        assert await emulate(http, served, guessed, {"id": 2, "rpc": {}}) == 204


async def test_commands_reach_a_connection_on_another_node(http: ClientSession) -> None:
    bus = MemoryBus()
    async with (
        serve(Options(bus=bus, node="a")) as first,
        serve(Options(bus=bus, node="b")) as second,
    ):
        url = f"{first.http_url}/connection/http_stream"
        async with http.post(url, json=CONNECT) as stream:
            connected = (await next_line(stream))["connect"]
            assert connected["node"] == "a"
            command = {"id": 2, "unsubscribe": {"channel": "x"}}
            assert await emulate(http, second, connected, command) == 204
            assert (await next_line(stream))["id"] == 2


async def test_a_stream_that_is_abandoned_is_noticed(served: Served, http: ClientSession) -> None:
    async with http.post(f"{served.http_url}/connection/http_stream", json=CONNECT) as stream:
        await next_line(stream)
        assert len(served.hub.roster) == 1
    with anyio.fail_after(PATIENCE_S):
        while len(served.hub.roster):
            await (await http.options(f"{served.http_url}/emulation")).read()


async def test_the_end_of_a_stream_tells_why(served: Served, http: ClientSession) -> None:
    async with http.post(f"{served.http_url}/connection/http_stream", json=CONNECT) as stream:
        await next_line(stream)
        await served.hub.drain(0)
        last = await next_line(stream)
        assert last == {"push": {"disconnect": {"code": 3001, "reason": "shutdown"}}}
        assert await stream.content.read() == b""


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 422), (b"[]", 422), (b"", 422), (b"x" * 65_537, 413)],
)
async def test_a_request_that_cannot_be_understood_is_refused(
    served: Served, http: ClientSession, body: bytes, status: int
) -> None:
    url, headers = f"{served.http_url}/emulation", {"Content-Type": "application/json"}
    async with http.post(url, data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == status


@pytest.mark.parametrize("path", ["/emulation", "/connection/http_stream", "/connection/sse"])
async def test_pages_of_listed_origins_alone_may_call(
    served: Served, http: ClientSession, path: str
) -> None:
    url = served.http_url + path
    listed, foreign = "https://app.example.com", "https://evil.example.com"
    async with http.options(url, headers={"Origin": listed}) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == listed
    async with http.options(url, headers={"Origin": foreign}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with http.post(url, json=CONNECT, headers={"Origin": foreign}) as answer:
        assert answer.status == 403


async def test_other_methods_are_refused(served: Served, http: ClientSession) -> None:
    async with http.get(f"{served.http_url}/emulation") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
