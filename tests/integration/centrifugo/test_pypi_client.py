"""
The stock PyPI client over both codecs and both drivers, also with jobs, foreign jobs and tokens that end.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import anyio
import msgspec
import pytest
from centrifuge import (
    Client,
    ClientEventHandler,
    ConnectedContext,
    DeltaType,
    DisconnectedContext,
    PublicationContext,
    ReplyError,
    SubscribedContext,
    SubscriptionEventHandler,
    UnsubscribedContext,
)
from serving import Options, Served, serve, token

from avance.model import machine
from avance.model.job import Job, State
from avance.ports.store import Commit, JobWrite

WAYS = [
    pytest.param((is_native, codec), id=f"{'native' if is_native else 'asgi'}-{codec}")
    for is_native in (False, True)
    for codec in ("json", "protobuf")
]


async def shout(identity: Any, data: bytes) -> bytes:
    return data.upper()


class Heard(SubscriptionEventHandler, ClientEventHandler):
    """
    What a client was told, one thing after the other.
    """

    def __init__(self) -> None:
        self._told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def on_publication(self, ctx: PublicationContext) -> None:
        self._told.put_nowait(("publication", ctx))

    async def on_subscribed(self, ctx: SubscribedContext) -> None:
        self._told.put_nowait(("subscribed", ctx))

    async def on_unsubscribed(self, ctx: UnsubscribedContext) -> None:
        self._told.put_nowait(("unsubscribed", ctx))

    async def on_connected(self, ctx: ConnectedContext) -> None:
        self._told.put_nowait(("connected", ctx))

    async def on_disconnected(self, ctx: DisconnectedContext) -> None:
        self._told.put_nowait(("disconnected", ctx))

    async def next(self, kind: str) -> Any:
        with anyio.fail_after(60):
            while True:
                told, ctx = await self._told.get()
                if told == kind:
                    return ctx


@dataclass(frozen=True, kw_only=True)
class Way:
    served: Served
    use_protobuf: bool

    @asynccontextmanager
    async def client(self, user: str = "42", **options: Any) -> AsyncIterator[tuple[Client, Heard]]:
        heard = Heard()
        given = {"token": token(user), "min_reconnect_delay": 0.05, **options}
        client = Client(
            self.served.websocket_url, events=heard, use_protobuf=self.use_protobuf, **given
        )
        await client.connect()
        try:
            yield client, heard
        finally:
            await client.disconnect()

    def form(self, value: Any) -> Any:
        """
        Payloads are bytes on Protobuf and values on JSON.
        """
        return msgspec.json.encode(value) if self.use_protobuf else value


@pytest.fixture(params=WAYS)
async def way(request: pytest.FixtureRequest) -> AsyncIterator[Way]:
    is_native, codec = request.param
    async with serve(Options(is_native=is_native, rpc={"shout": shout})) as served:
        yield Way(served=served, use_protobuf=codec == "protobuf")


async def test_commands_are_answered(way: Way) -> None:
    async with way.client() as (client, heard):
        connected = await heard.next("connected")
        subscription = client.new_subscription("news", events=(told := Heard()))
        await subscription.subscribe()
        await told.next("subscribed")
        await subscription.publish(way.form({"n": 1}))
        publication = (await told.next("publication")).pub
        assert publication.data == way.form({"n": 1})
        assert publication.info.user == "42"
        history = await subscription.history(limit=10)
        assert [one.offset for one in history.publications] == [1]
        assert list((await subscription.presence()).clients) == [connected.client]
        assert (await subscription.presence_stats()).num_clients == 1
        assert (await client.rpc("shout", way.form("hola"))).data == way.form("HOLA")
        with pytest.raises(ReplyError) as refused:
            await client.rpc("whisper", way.form("hola"))
        assert refused.value.code == 104


async def test_a_client_that_comes_back_gets_what_it_missed(way: Way) -> None:
    async with way.client() as (client, _):
        subscription = client.new_subscription("news", events=(told := Heard()))
        await subscription.subscribe()
        await told.next("subscribed")
        await way.served.publisher.publish("news", b'{"n":1}')
        assert (await told.next("publication")).pub.offset == 1
        await client.disconnect()
        for number in (2, 3):
            await way.served.publisher.publish("news", b'{"n":%d}' % number)
        await client.connect()
        back = await told.next("subscribed")
        assert (back.was_recovering, back.recovered) == (True, True)
        assert [(await told.next("publication")).pub.offset for _ in range(2)] == [2, 3]


async def test_patches_are_understood_also_where_characters_are_longer_than_a_byte(
    way: Way,
) -> None:
    values = [
        {"filler": "x" * 200, "text": f"Leyendo la página {n} de cien: ñandú, ágil, {'é' * n}"}
        for n in range(8)
    ]
    async with way.client() as (client, _):
        subscription = client.new_subscription(
            "news", events=(told := Heard()), delta=DeltaType.FOSSIL
        )
        await subscription.subscribe()
        await told.next("subscribed")
        for value in values:
            await way.served.publisher.publish("news", msgspec.json.encode(value))
        got = [(await told.next("publication")).pub.data for _ in values]
    assert got == [way.form(value) for value in values]


async def test_a_job_is_told_by_its_snapshot_and_a_foreign_one_like_an_unknown_one(
    way: Way,
) -> None:
    job = Job(id=str(uuid4()), kind="demo", state=State.QUEUED, created_ms=1, owner="ana")
    step = machine.created(job, 1)
    write = JobWrite(job=step.job, expects=None, input=b"{}")
    await way.served.store.commit(Commit(writes=(write,), appends=step.appends))
    async with way.client("ana") as (client, _):
        subscription = client.new_subscription(f"job:{job.id}", events=(told := Heard()))
        await subscription.subscribe()
        first = (await told.next("publication")).pub
        snapshot = msgspec.json.decode(first.data) if way.use_protobuf else first.data
        shown = snapshot["type"], snapshot["job"]["state"], first.offset
        assert shown == ("snapshot", "queued", 1)
    async with way.client("eva") as (client, _):
        for channel in (f"job:{job.id}", f"job:{uuid4()}"):
            subscription = client.new_subscription(channel, events=(told := Heard()))
            await subscription.subscribe()
            assert (await told.next("unsubscribed")).code == 103


async def test_a_token_that_has_ended_is_fetched_anew(way: Way) -> None:
    asked = []

    async def get_token() -> str:
        asked.append(True)
        return token("42")

    ended = token("42", exp=int(time.time()) - 60)
    async with way.client(token=ended, get_token=get_token) as (_, heard):
        await heard.next("connected")
    assert asked == [True]


async def test_a_token_of_nobody_is_refused_for_good(way: Way) -> None:
    async with way.client(token="bad.bad.bad") as (_, heard):
        assert (await heard.next("disconnected")).code == 3500
