"""
Tokens that end, and clients that bring fresh ones.
"""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from raw import raw
from serving import Options, Served, serve, token
from stock import js_client

from avance.edge.session.settings import SessionSettings

# What is answered where a token has ended; those of these tests may have done so on the way, on a machine that is busy.
HAS_ENDED = 109


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """
    Clients have all the time they need to bring a fresh token.
    """
    async with serve(Options(settings=SessionSettings(expiry_grace_s=600), is_native=True)) as one:
        yield one


@pytest.fixture
async def hurried() -> AsyncIterator[Served]:
    async with serve(Options(settings=SessionSettings(expiry_grace_s=0.5), is_native=True)) as one:
        yield one


def brief(user: str = "42", seconds: int = 2, **claims: Any) -> str:
    return token(user, exp=int(time.time()) + seconds, **claims)


async def test_an_expired_connection_token_is_replaced_by_the_client(served: Served) -> None:
    async with js_client(served.http_url, asks=True) as client:
        await client.call("connect")
        asked = await client.next("ask", what="token")
        await client.call("answer", question=asked["question"], answer=token("42", exp=1))
        asked = await client.next("ask", what="token")
        await client.call("answer", question=asked["question"], answer=token("42"))
        await client.next("connected")


async def test_a_client_refreshes_its_token_and_stays(served: Served) -> None:
    async with js_client(served.http_url, asks=True) as client:
        await client.call("connect")
        await client.answering("token", brief, "connected")
        asked = await client.next("ask", what="token")
        await client.call("answer", question=asked["question"], answer=token("42"))
        await client.call("subscribe", channel="news")
        await client.next("sub_subscribed")
        assert not [one for one in client.seen if one["event"] == "disconnected"]


async def test_who_brings_no_fresh_token_is_sent_away_to_fetch_one(hurried: Served) -> None:
    while True:
        async with raw(hurried.websocket_url) as client:
            reply = await client.ask(connect={"token": brief()})
            if "connect" in reply:
                assert reply["connect"]["expires"] is True
                assert (await client.closed())[0] == 3005
                break
            assert reply["error"]["code"] == HAS_ENDED


async def test_refresh_is_answered_with_the_new_end(served: Served) -> None:
    async with raw(served.websocket_url) as client:
        connected = (await client.ask(connect={"token": brief(seconds=60)}))["connect"]
        answer = (await client.ask(refresh={"token": brief(seconds=600)}))["refresh"]
        assert answer["client"] == connected["client"]
        assert answer["expires"] is True
        assert 590 <= answer["ttl"] <= 600
        assert (await client.ask(refresh={"token": token("42")}))["refresh"].get("expires") is None


@pytest.mark.parametrize(
    ("fresh", "code"),
    [
        (lambda: token("42", exp=1), 3005),
        (lambda: token("43"), 3500),
        (lambda: "bad.bad.bad", 3500),
        (lambda: token("42", channels=["live:other"]), 3010),
    ],
    ids=["expired", "of another user", "invalid", "with other channels"],
)
async def test_a_fresh_token_that_is_no_good_ends_the_connection(
    served: Served, fresh: Any, code: int
) -> None:
    async with raw(served.websocket_url) as client:
        await client.ask(connect={"token": brief(seconds=60)})
        await client.send({"id": 2, "refresh": {"token": fresh()}})
        assert (await client.closed())[0] == code


async def test_a_subscription_token_is_refreshed_by_the_client(served: Served) -> None:
    async with js_client(served.http_url, token=token("42")) as client:
        await client.call("connect")
        await client.call("subscribe", channel="$private", asks=True)
        asked = await client.next("ask", what="sub_token")
        ended = token("42", channel="$private", exp=1)
        await client.call("answer", question=asked["question"], answer=ended)
        await client.answering("sub_token", lambda: brief(channel="$private"), "sub_subscribed")
        asked = await client.next("ask", what="sub_token")
        fresh = token("42", channel="$private")
        await client.call("answer", question=asked["question"], answer=fresh)
        await served.publisher.publish("$private", b'{"n":1}')
        assert (await client.next("publication"))["data"] == {"n": 1}


async def test_a_subscription_whose_token_ended_is_ended_too(hurried: Served) -> None:
    async with raw(hurried.websocket_url) as client:
        await client.ask(connect={"token": token("42")})
        reply: dict[str, Any] = {}
        while "subscribe" not in reply:
            given = brief(channel="$private")
            reply = await client.ask(subscribe={"channel": "$private", "token": given})
            assert "subscribe" in reply or reply["error"]["code"] == HAS_ENDED
        assert reply["subscribe"]["expires"] is True
        push = await client.push("unsubscribe")
        assert push["unsubscribe"]["code"] == 2501
        assert "subscribe" in await client.ask(subscribe={"channel": "news"})


async def test_an_expired_token_in_sub_refresh_ends_the_subscription(served: Served) -> None:
    async with raw(served.websocket_url) as client:
        await client.ask(connect={"token": token("42")})
        given = brief(seconds=60, channel="$private")
        await client.ask(subscribe={"channel": "$private", "token": given})
        old = token("42", channel="$private", exp=1)
        await client.send({"id": 9, "sub_refresh": {"channel": "$private", "token": old}})
        assert (await client.push("unsubscribe"))["unsubscribe"]["code"] == 2501


async def test_channels_of_the_token_are_server_side_and_recover(served: Served) -> None:
    async with js_client(
        served.http_url, token=token("42", channels=["news"], subs={"live:x": {"data": {"a": 1}}})
    ) as client:
        await client.call("connect")
        first = [await client.next("server_subscribed") for _ in range(2)]
        assert {one["channel"]: one.get("data") for one in first} == {
            "news": None,
            "live:x": {"a": 1},
        }
        await served.publisher.publish("news", b'{"n":1}')
        await client.next("server_publication", channel="news")
        await client.call("disconnect")
        await served.publisher.publish("news", b'{"n":2}')
        await client.call("connect")
        back = await client.next("server_subscribed", channel="news")
        assert back["recovered"]
        assert (await client.next("server_publication", channel="news"))["data"] == {"n": 2}


async def test_a_job_list_that_the_token_names_begins_with_its_snapshot(served: Served) -> None:
    async with js_client(served.http_url, token=token("42", channels=["jobs:#42"])) as client:
        await client.call("connect")
        told = await client.next("server_publication", channel="jobs:#42")
        assert told["data"]["type"] == "snapshot"


async def test_the_personal_channel_comes_by_itself() -> None:
    settings = SessionSettings(has_personal_channel=True)
    async with (
        serve(Options(settings=settings)) as served,
        js_client(served.http_url, token=token("42")) as client,
    ):
        await client.call("connect")
        await client.next("server_subscribed", channel="#42")
        await served.publisher.publish("#42", b'{"n":1}')
        assert (await client.next("server_publication"))["data"] == {"n": 1}
