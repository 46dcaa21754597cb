"""
The stock Python client.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from centrifuge import Client, DeltaType, PublicationContext, SubscriptionEventHandler
from serving import Options, Served, serve, token
from stock import PATIENCE_S


class Heard(SubscriptionEventHandler):
    """
    Keeps what a subscription hears.
    """

    def __init__(self) -> None:
        self.publications: asyncio.Queue[PublicationContext] = asyncio.Queue()

    async def on_publication(self, ctx: PublicationContext) -> None:
        self.publications.put_nowait(ctx)

    async def next(self) -> Any:
        with anyio.fail_after(PATIENCE_S):
            data = (await self.publications.get()).pub.data
        return json.loads(data) if isinstance(data, bytes) else data


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve(Options(is_native=True)) as running:
        yield running


@pytest.mark.parametrize("is_protobuf", [False, True], ids=["json", "protobuf"])
@pytest.mark.parametrize("delta", [None, DeltaType.FOSSIL], ids=["whole", "delta"])
async def test_the_python_client_follows_recovers_and_applies_patches(
    served: Served, is_protobuf: bool, delta: DeltaType | None
) -> None:
    client = Client(served.websocket_url, token=token("42"), use_protobuf=is_protobuf)
    await client.connect()
    heard = Heard()
    sub = client.new_subscription("news", events=heard, delta=delta)
    await sub.subscribe()
    await sub.ready(timeout=PATIENCE_S)
    values = [{"filler": "ñandú " * 30, "n": number} for number in range(8)]
    for value in values[:3]:
        await served.publisher.publish("news", json.dumps(value, ensure_ascii=False).encode())
    assert [await heard.next() for _ in range(3)] == values[:3]
    await client.disconnect()
    for value in values[3:6]:
        await served.publisher.publish("news", json.dumps(value, ensure_ascii=False).encode())
    await client.connect()
    assert [await heard.next() for _ in range(3)] == values[3:6]
    for value in values[6:]:
        await served.publisher.publish("news", json.dumps(value, ensure_ascii=False).encode())
    assert [await heard.next() for _ in range(2)] == values[6:]
    await client.disconnect()


async def test_two_clients_see_each_other(served: Served) -> None:
    clients = [Client(served.websocket_url, token=token(user)) for user in ("1", "2")]
    subs = []
    for client in clients:
        await client.connect()
        sub = client.new_subscription("news")
        await sub.subscribe()
        await sub.ready(timeout=PATIENCE_S)
        subs.append(sub)
    present = await subs[0].presence()
    assert sorted(info.user for info in present.clients.values()) == ["1", "2"]
    stats = await subs[0].presence_stats()
    assert (stats.num_clients, stats.num_users) == (2, 2)
    for client in clients:
        await client.disconnect()
