"""
The stock npm client over every transport and codec that it has.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from serving import Options, Served, serve, token
from stock import JsClient, js_client

WAYS = [
    pytest.param((False, "websocket", "json"), id="asgi-websocket-json"),
    pytest.param((False, "websocket", "protobuf"), id="asgi-websocket-protobuf"),
    pytest.param((True, "websocket", "json"), id="native-websocket-json"),
    pytest.param((True, "websocket", "protobuf"), id="native-websocket-protobuf"),
    pytest.param((False, "http_stream", "json"), id="http_stream-json"),
    pytest.param((False, "http_stream", "protobuf"), id="http_stream-protobuf"),
    pytest.param((False, "sse", "json"), id="sse-json"),
]


async def shout(identity: Any, data: bytes) -> bytes:
    return data.upper()


@dataclass(frozen=True, kw_only=True)
class Way:
    """
    A server, and how the client under test reaches it.
    """

    served: Served
    transport: str
    codec: str

    def client(self, **claims: Any) -> AbstractAsyncContextManager[JsClient]:
        return js_client(
            self.served.http_url,
            transport=self.transport,
            codec=self.codec,
            token=token("42", **claims),
        )


@pytest.fixture(params=WAYS)
async def way(request: pytest.FixtureRequest) -> AsyncIterator[Way]:
    is_native, transport, codec = request.param
    async with serve(Options(is_native=is_native, rpc={"shout": shout})) as served:
        yield Way(served=served, transport=transport, codec=codec)


async def test_what_is_published_reaches_every_transport_once_and_in_order(way: Way) -> None:
    async with way.client() as client:
        await client.call("connect")
        await client.next("connected")
        await client.call("subscribe", channel="news")
        await client.next("sub_subscribed")
        for number in range(5):
            await way.served.publisher.publish("news", b'{"n":%d,"text":"a\xc3\xb1o"}' % number)
        got = await client.publications(5)
        assert [(one["offset"], one["data"]) for one in got] == [
            (number + 1, {"n": number, "text": "año"}) for number in range(5)
        ]


async def test_commands_are_answered_on_every_transport(way: Way) -> None:
    async with way.client(info={"name": "Eva"}) as client:
        await client.call("connect")
        connected = await client.next("connected")
        await client.call("subscribe", channel="news")
        await client.next("sub_subscribed", channel="news")
        assert await client.call("publish", channel="news", data={"n": 1}) is not None
        told = await client.next("publication")
        assert told["data"] == {"n": 1}
        assert told["info"]["user"] == "42"
        found = await client.call("history", channel="news", limit=10)
        assert [one["data"] for one in found["publications"]] == [{"n": 1}]
        assert list(await client.call("presence", channel="news")) == [connected["client"]]
        stats = await client.call("presence_stats", channel="news")
        assert stats == {"numClients": 1, "numUsers": 1}
        assert await client.call("rpc", method="shout", data="hola") == "HOLA"
        unknown = await client.call("rpc", method="whisper", data="hola")
        assert unknown["error"]["code"] == 104
        foreign = await client.call("presence", channel="elsewhere")
        assert foreign["error"]["code"] == 103


async def test_a_client_that_comes_back_gets_what_it_missed(way: Way) -> None:
    async with way.client() as client:
        await client.call("connect")
        await client.next("connected")
        await client.call("subscribe", channel="news")
        await client.next("sub_subscribed")
        await way.served.publisher.publish("news", b'{"n":1}')
        await client.next("publication", offset=1)
        await client.call("disconnect")
        await client.next("disconnected")
        await way.served.publisher.publish("news", b'{"n":2}')
        await way.served.publisher.publish("news", b'{"n":3}')
        await client.call("connect")
        back = await client.next("sub_subscribed")
        assert (back["wasRecovering"], back["recovered"]) == (True, True)
        assert [one["offset"] for one in await client.publications(2)] == [2, 3]
        await way.served.publisher.publish("news", b'{"n":4}')
        assert (await client.next("publication"))["offset"] == 4


async def test_patches_are_understood_also_where_characters_are_longer_than_a_byte(
    way: Way,
) -> None:
    texts = [
        f"Leyendo la página {number} de cien: ñandú, ágil, {'é' * number}" for number in range(8)
    ]
    async with way.client() as client:
        await client.call("connect")
        await client.next("connected")
        await client.call("subscribe", channel="news", options={"delta": "fossil"})
        await client.next("sub_subscribed")
        for text in texts:
            await way.served.publisher.publish(
                "news", f'{{"filler":"{"x" * 200}","text":"{text}"}}'.encode()
            )
        got = await client.publications(len(texts))
        assert [one["data"]["text"] for one in got] == texts
        stats = await client.call("delta_stats", channel="news")
        assert stats["numDeltaPayloads"] >= 1


async def test_a_drained_server_tells_clients_to_come_back(way: Way) -> None:
    async with way.client() as client:
        await client.call("connect")
        await client.next("connected")
        await way.served.hub.drain(0.05)
        gone = await client.next("connecting", code=3001)
        assert gone["reason"] == "shutdown"
        await client.next("connected")
