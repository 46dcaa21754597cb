"""
What ends a connection, and with which code.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from raw import raw
from serving import Options, Served, serve, token
from websockets.exceptions import ConnectionClosed, InvalidStatus

from avance.edge.session.settings import SessionSettings


@pytest.fixture(params=[False, True], ids=["asgi", "native"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    async with serve(Options(is_native=request.param)) as running:
        yield running


def connect(user: str = "42", **claims: Any) -> dict[str, Any]:
    return {"token": token(user, **claims)}


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (['{"id":1,"subscribe":{"channel":"news"}}'], 3501),
        (['{"id":1,"connect":{}}'], 3501),
        (['{"id":1,"connect":{"token":"bad.bad.bad"}}'], 3500),
        (["not json"], 3501),
        ([""], 3501),
        (["{}"], 3501),
        (["CONNECT", '{"id":2,"connect":{}}'], 3501),
        (["CONNECT", '{"id":2,"subscribe":{}}'], 3501),
        (["CONNECT", '{"id":2,"subscribe":{"channel":"news","delta":"other"}}'], 3501),
        (["CONNECT", '{"id":2,"refresh":{}}'], 3501),
        (["CONNECT", '{"id":2,"ping":{}}'], 3501),
        (["CONNECT", '{"subscribe":{"channel":"news"}}'], 3501),
        (["CONNECT", '{"send":{"data":1}}'], 3508),
        (["CONNECT", "{}"], 3501),
        (["x" * 65_537], 1009),
    ],
)
async def test_a_broken_rule_ends_the_connection(
    served: Served, frames: list[str], code: int
) -> None:
    async with raw(served.websocket_url) as client:
        for frame in frames:
            if frame == "CONNECT":
                assert "connect" in await client.ask(connect=connect())
            else:
                await client.socket.send(frame)
        assert (await client.closed())[0] == code


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"subscribe": {"channel": "nowhere:x"}}, 102),
        ({"subscribe": {"channel": "$private"}}, 103),
        ({"subscribe": {"channel": "news#7,8"}}, 103),
        ({"subscribe": {"channel": "x" * 256}}, 107),
        ({"subscribe": {"channel": "news", "tf": {"key": "a", "cmp": "ex"}}}, 107),
        ({"subscribe": {"channel": "news", "type": 1}}, 108),
        ({"subscribe": {"channel": "news", "token": "bad.bad.bad"}}, 103),
        ({"publish": {"channel": "news", "data": 1}}, 103),
        ({"publish": {"channel": "job:1", "data": 1}}, 103),
        ({"publish": {"channel": "jobs:#42", "data": 1}}, 103),
        ({"publish": {"channel": "inbox:#42", "data": 1}}, 103),
        ({"presence": {"channel": "news"}}, 103),
        ({"presence": {"channel": "jobs:#42"}}, 108),
        ({"history": {"channel": "news", "limit": 1}}, 103),
        ({"history": {"channel": "live:x", "limit": 1}}, 108),
        ({"rpc": {"method": "x"}}, 108),
        ({"sub_refresh": {"channel": "news", "token": "x"}}, 103),
        ({"sub_refresh": {"channel": "news"}}, 107),
    ],
)
async def test_what_is_not_allowed_is_an_error_and_the_connection_goes_on(
    served: Served, command: dict[str, Any], code: int
) -> None:
    async with raw(served.websocket_url) as client:
        await client.ask(connect=connect())
        assert (await client.ask(**command))["error"]["code"] == code
        assert "subscribe" in await client.ask(subscribe={"channel": "news"})


async def test_one_connection_subscribes_a_channel_once_and_unsubscribes_as_often_as_it_likes(
    served: Served,
) -> None:
    async with raw(served.websocket_url) as client:
        await client.ask(connect=connect())
        await client.ask(subscribe={"channel": "news"})
        again = await client.ask(subscribe={"channel": "news"})
        assert again["error"] == {"code": 105, "message": "already subscribed"}
        assert (await client.ask(unsubscribe={"channel": "news"}))["unsubscribe"] == {}
        assert (await client.ask(unsubscribe={"channel": "news"}))["unsubscribe"] == {}
        assert "subscribe" in await client.ask(subscribe={"channel": "news"})


async def test_subscriptions_of_one_connection_are_bounded(served: Served) -> None:
    async with raw(served.websocket_url) as client:
        await client.ask(connect=connect())
        for number in range(128):
            assert "subscribe" in await client.ask(subscribe={"channel": f"live:{number}"})
        assert (await client.ask(subscribe={"channel": "live:x"}))["error"]["code"] == 106


async def test_commands_of_one_frame_are_answered_in_order(served: Served) -> None:
    async with raw(served.websocket_url) as client:
        await client.send(
            {"id": 1, "connect": connect()},
            {"id": 2, "subscribe": {"channel": "live:a"}},
            {"id": 3, "unsubscribe": {"channel": "live:a"}},
            {"id": 4, "subscribe": {"channel": "live:a"}},
            {"id": 5, "publish": {"channel": "live:a", "data": 1}},
            {"id": 6, "rpc": {"method": "x"}},
        )
        answered = []
        while len(answered) < 6:
            message = await client.next()
            if "id" in message:
                answered.append(message["id"])
        assert answered == [1, 2, 3, 4, 5, 6]


async def test_an_expired_token_is_said_and_nothing_may_follow(served: Served) -> None:
    async with raw(served.websocket_url) as client:
        reply = await client.ask(connect=connect(exp=1))
        assert reply["error"] == {"code": 109, "message": "token expired"}
        await client.send({"id": 9, "subscribe": {"channel": "news"}})
        assert (await client.closed())[0] == 3501


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (SessionSettings(stale_s=0.3), 3502),
        (SessionSettings(ping_interval_s=0.5, pong_timeout_s=0.3), 3012),
        (SessionSettings(inbound_per_s=0.001, inbound_burst=3), 3013),
    ],
    ids=["stale", "no pong", "too many messages"],
)
async def test_a_client_that_does_not_keep_to_its_limits_is_closed(
    settings: SessionSettings, code: int
) -> None:
    async with (
        serve(Options(settings=settings)) as served,
        raw(served.websocket_url) as client,
    ):
        if code != 3502:
            await client.ask(connect=connect())
        if code == 3013:
            for _ in range(3):
                await client.send({"id": 7, "rpc": {"method": "x"}})
        assert (await client.closed())[0] == code


async def test_a_client_that_answers_pings_stays() -> None:
    settings = SessionSettings(ping_interval_s=0.5, pong_timeout_s=0.4)
    async with serve(Options(settings=settings)) as served:
        # A machine that pauses for longer than the answer may take closes a connection rightly; it does not pause each time.
        for _ in range(5):
            async with raw(served.websocket_url) as client:
                with suppress(ConnectionClosed):
                    await client.ask(connect=connect())
                    for _ in range(4):
                        assert await client.socket.recv() == "{}"
                        await client.socket.send("{}")
                    assert "subscribe" in await client.ask(subscribe={"channel": "news"})
                    return
    raise AssertionError("closed though each ping was answered")


@pytest.mark.parametrize(
    "settings",
    [
        SessionSettings(connections_per_user_max=2),
        SessionSettings(connections_per_address_max=2),
        SessionSettings(connections_max=2),
    ],
    ids=["of a user", "of an address", "of the node"],
)
async def test_connections_are_bounded(settings: SessionSettings) -> None:
    async with (
        serve(Options(settings=settings)) as served,
        raw(served.websocket_url) as first,
        raw(served.websocket_url) as second,
        raw(served.websocket_url) as third,
    ):
        await first.ask(connect=connect())
        await second.ask(connect=connect())
        await third.send({"id": 1, "connect": connect()})
        assert (await third.closed())[0] == 3504
        await first.socket.close()
        while len(served.hub.roster) == 2:
            await second.ask(rpc={"method": "x"})
        async with raw(served.websocket_url) as fourth:
            assert "connect" in await fourth.ask(connect=connect())


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True),
        ("SAME", True),
        ("https://app.example.com", True),
        ("https://evil.example.com", False),
        ("null", False),
    ],
)
@pytest.mark.parametrize("is_native", [False, True], ids=["asgi", "native"])
async def test_only_listed_pages_may_connect(
    origin: str | None, is_allowed: bool, is_native: bool
) -> None:
    options = Options(is_native=is_native, origins=("https://app.example.com",))
    async with serve(options) as served:
        given = f"http://127.0.0.1:{served.port}" if origin == "SAME" else origin
        if is_allowed:
            async with raw(served.websocket_url, origin=given) as client:
                assert "connect" in await client.ask(connect=connect())
            return
        with pytest.raises(InvalidStatus) as refused:
            async with raw(served.websocket_url, origin=given):
                pass
        assert refused.value.response.status_code == 403


async def test_in_open_mode_nothing_needs_to_be_brought() -> None:
    async with serve(Options(is_open=True)) as served, raw(served.websocket_url) as client:
        await client.ask(connect={})
        assert "subscribe" in await client.ask(subscribe={"channel": "jobs:#dev"})
        assert served.hub.roster.count_of_user("dev") == 1


async def test_a_bearer_token_or_key_of_the_handshake_is_taken() -> None:
    async with serve(Options()) as served:
        for headers in ({"Authorization": f"Bearer {token('1')}"}, {"X-API-Key": "key-1"}):
            async with raw(served.websocket_url, additional_headers=headers) as client:
                assert "connect" in await client.ask(connect={})
                assert "subscribe" in await client.ask(subscribe={"channel": "jobs:#1"})
