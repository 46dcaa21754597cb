"""
The stock client of the server API.
"""

import io
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from cent import (
    AsyncClient,
    BatchRequest,
    BroadcastRequest,
    CentApiResponseError,
    CentUnauthorizedError,
    ChannelsRequest,
    Disconnect,
    DisconnectRequest,
    HistoryRemoveRequest,
    HistoryRequest,
    InfoRequest,
    PresenceRequest,
    PresenceStatsRequest,
    PublishRequest,
    RefreshRequest,
    SubscribeRequest,
    UnsubscribeRequest,
)
from serving import ADMIN_KEY, Options, Served, serve, token
from stock import js_client


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve(Options()) as running:
        yield running


@pytest.fixture
async def api(served: Served) -> AsyncIterator[AsyncClient]:
    client = AsyncClient(f"{served.http_url}/api", api_key=ADMIN_KEY)
    yield client
    await client.close()


async def test_publish_and_history(api: AsyncClient) -> None:
    first = await api.publish(PublishRequest(channel="news", data={"n": 1}, tags={"kind": "note"}))
    again = await api.publish(PublishRequest(channel="news", data={"n": 2}, idempotency_key="k"))
    repeated = await api.publish(PublishRequest(channel="news", data={"n": 2}, idempotency_key="k"))
    assert (first.offset, again.offset, repeated.offset) == (1, 2, 2)
    assert first.epoch
    found = await api.history(HistoryRequest(channel="news", limit=10, reverse=True))
    assert [one.data for one in found.publications] == [{"n": 2}, {"n": 1}]
    assert found.publications[1].tags == {"kind": "note"}
    assert (found.offset, found.epoch) == (2, first.epoch)


async def test_broadcast_answers_for_each_channel(api: AsyncClient) -> None:
    answer = await api.broadcast(
        BroadcastRequest(channels=["news", "job:x", "nowhere:x"], data={"n": 1})
    )
    assert answer.responses[0].result is not None
    assert answer.responses[0].result.offset == 1
    assert [one.error.code for one in answer.responses[1:] if one.error] == [103, 102]


async def test_a_broadcast_to_channels_that_keep_their_past_is_kept_in_each(
    api: AsyncClient,
) -> None:
    channels = [f"kept-{number}" for number in range(200)]
    for round_ in (1, 2):
        answer = await api.broadcast(BroadcastRequest(channels=channels, data={"n": round_}))
        offsets = [one.result.offset for one in answer.responses if one.result]
        assert offsets == [round_] * len(channels)
    for channel in (channels[0], channels[-1]):
        found = await api.history(HistoryRequest(channel=channel, limit=10))
        assert [one.data for one in found.publications] == [{"n": 1}, {"n": 2}]


async def test_a_broadcast_that_is_repeated_with_its_key_is_kept_once(api: AsyncClient) -> None:
    request = BroadcastRequest(
        channels=["once-a", "once-b", "once-a"], data={"n": 1}, idempotency_key="the-one"
    )
    for _ in range(2):
        answer = await api.broadcast(request)
        assert [one.result.offset for one in answer.responses if one.result] == [1, 1, 1]
    for channel in ("once-a", "once-b"):
        assert len((await api.history(HistoryRequest(channel=channel, limit=10))).publications) == 1


async def test_presence_channels_and_info(served: Served, api: AsyncClient) -> None:
    async with js_client(served.http_url, token=token("42")) as client:
        await client.call("connect")
        await client.call("subscribe", channel="news")
        await client.next("sub_subscribed")
        present = (await api.presence(PresenceRequest(channel="news"))).presence
        assert [info.user for info in present.values()] == ["42"]
        stats = await api.presence_stats(PresenceStatsRequest(channel="news"))
        assert (stats.num_clients, stats.num_users) == (1, 1)
        assert (await api.channels(ChannelsRequest(pattern="n*"))).channels["news"].num_clients == 1
        assert (await api.channels(ChannelsRequest(pattern="x*"))).channels == {}
        (node,) = (await api.info(InfoRequest())).nodes
        assert (node.num_clients, node.num_users, node.num_channels, node.num_subs) == (1, 1, 1, 1)


async def test_a_user_is_subscribed_unsubscribed_and_disconnected(
    served: Served, api: AsyncClient
) -> None:
    async with js_client(served.http_url, token=token("42")) as client:
        await client.call("connect")
        await client.next("connected")
        await api.subscribe(SubscribeRequest(user="42", channel="news", data={"hello": 1}))
        assert (await client.next("server_subscribed", channel="news"))["data"] == {"hello": 1}
        await api.publish(PublishRequest(channel="news", data={"n": 1}))
        assert (await client.next("server_publication"))["data"] == {"n": 1}
        await api.unsubscribe(UnsubscribeRequest(user="42", channel="news"))
        await client.next("server_unsubscribed", channel="news")
        await api.disconnect(DisconnectRequest(user="43"))
        await api.disconnect(
            DisconnectRequest(user="42", disconnect=Disconnect(code=4500, reason="go away"))
        )
        gone = await client.next("disconnected")
        assert (gone["code"], gone["reason"]) == (4500, "go away")


async def test_a_connection_that_is_declared_expired_is_closed(
    served: Served, api: AsyncClient
) -> None:
    async with js_client(served.http_url, token=token("42")) as client:
        await client.call("connect")
        await client.next("connected")
        await api.refresh(RefreshRequest(user="42", expired=True))
        assert (await client.next("connecting", code=3005))["reason"] == "connection expired"


async def test_a_batch_answers_each_command(api: AsyncClient) -> None:
    answer = await api.batch(
        BatchRequest(
            requests=[
                PublishRequest(channel="news", data=1),
                PublishRequest(channel="news", data=2),
                PresenceRequest(channel="news"),
            ]
        )
    )
    assert [getattr(one, "offset", None) for one in answer.replies] == [1, 2, None]


@pytest.mark.parametrize(
    ("channel", "code"),
    [("job:1", 103), ("jobs:#42", 103), ("inbox:#42", 103), ("nowhere:1", 102), ("x" * 256, 107)],
)
async def test_where_nobody_may_publish_a_back_end_may_not_either(
    api: AsyncClient, channel: str, code: int
) -> None:
    with pytest.raises(CentApiResponseError) as refused:
        await api.publish(PublishRequest(channel=channel, data={"n": 1}))
    assert refused.value.code == code


async def test_history_is_not_removed_by_hand(api: AsyncClient) -> None:
    with pytest.raises(CentApiResponseError) as refused:
        await api.history_remove(HistoryRemoveRequest(channel="news"))
    assert refused.value.code == 108


@pytest.mark.parametrize("key", ["", "wrong", "key-1"], ids=["none", "unknown", "of a user"])
async def test_without_the_key_of_an_admin_nothing_is_answered(served: Served, key: str) -> None:
    client = AsyncClient(f"{served.http_url}/api", api_key=key)
    with pytest.raises(CentUnauthorizedError):
        await client.publish(PublishRequest(channel="news", data={"n": 1}))
    await client.close()


@pytest.mark.parametrize(
    ("method", "body", "code"),
    [
        ("nothing", b"{}", 104),
        ("publish", b"{", 107),
        ("publish", b'{"channel":"news"}', 107),
        ("publish", b'{"channel":"news","b64data":"%%"}', 107),
        ("publish", b'{"channel":7,"data":1}', 107),
        ("broadcast", b'{"data":1}', 107),
        ("batch", b'{"commands":7}', 107),
        ("disconnect", b'{"user":"42","disconnect":{"code":7}}', 107),
        ("presence", b'{"channel":"topic:x"}', None),
    ],
)
async def test_what_cannot_be_understood_is_answered_with_a_code(
    served: Served, method: str, body: bytes, code: int | None
) -> None:
    async with (
        ClientSession(headers={"X-API-Key": ADMIN_KEY}) as session,
        session.post(f"{served.http_url}/api/{method}", data=body) as answer,
    ):
        assert answer.status == 200
        told = await answer.json()
    assert told.get("error", {}).get("code") == code


async def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    async with (
        ClientSession(headers={"X-API-Key": ADMIN_KEY}) as session,
        session.post(f"{served.http_url}/api/publish", data=io.BytesIO(b"x" * 1_048_577)) as answer,
    ):
        assert answer.status == 413
