import pytest
from world import tick, world

from avance.errors import InvalidRequest, NotFound
from avance.hub.item import unwrap, wrap
from avance.hub.limits import HubLimits
from avance.model.stream import Publication
from avance.protocol.messages import ClientInfo
from avance.testing.clock import FakeClock


async def test_a_kept_publication_has_a_place_and_a_passing_one_has_none() -> None:
    async with world() as w:
        assert (await w.publish("kept:a", 1)).offset == 1
        assert (await w.publish("kept:a", 2)).offset == 2
        assert (await w.publish("live:a", 1)).offset == 0
        skipped = await w.publisher.publish("kept:a", b"3", skip_history=True)
        assert skipped.offset == 0
        assert (await w.store.stream("kept:a")).top.offset == 2


async def test_the_publisher_and_tags_reach_subscribers() -> None:
    async with world() as w:
        reader = w.reader()
        await reader.subscribe("kept:a")
        info = ClientInfo(user="42", client="c1", conn_info=b'{"name":"Eva"}')
        await w.publisher.publish("kept:a", b'"x"', info=info, tags={"kind": "note"})
        await tick()
        pub = reader.pushes[0]["pub"]
        assert pub["info"] == {"user": "42", "client": "c1", "conn_info": {"name": "Eva"}}
        assert pub["tags"] == {"kind": "note"}
        back = w.reader()
        await back.subscribe("kept:a", since=reader.joined[0].position)
        item = back.joined[0].publications[0]
        assert (item.info, item.tags) == (info, {"kind": "note"})


async def test_a_repeated_key_publishes_once_until_it_is_forgotten() -> None:
    clock = FakeClock()
    async with world(clock=clock) as w:
        first = await w.publisher.publish("kept:a", b"1", idempotency_key="k")
        again = await w.publisher.publish("kept:a", b"1", idempotency_key="k")
        other = await w.publisher.publish("kept:b", b"1", idempotency_key="k")
        assert (again, other.offset) == (first, 1)
        clock.advance(301)
        assert (await w.publisher.publish("kept:a", b"1", idempotency_key="k")).offset == 2


async def test_remembered_keys_are_bounded() -> None:
    async with world(limits=HubLimits(idempotency_keys_max=2)) as w:
        for number in range(4):
            await w.publisher.publish("kept:a", b"1", idempotency_key=str(number))
        assert (await w.publisher.publish("kept:a", b"1", idempotency_key="3")).offset == 4
        assert (await w.publisher.publish("kept:a", b"1", idempotency_key="0")).offset == 5


@pytest.mark.parametrize("channel", ["", "kept:" + "x" * 255, "kept:\n"])
async def test_what_is_no_name_of_a_channel_is_refused(channel: str) -> None:
    async with world() as w:
        with pytest.raises(InvalidRequest, match="no name of a channel"):
            await w.publisher.publish(channel, b"1")


async def test_a_channel_of_no_namespace_is_refused() -> None:
    async with world() as w:
        with pytest.raises(NotFound, match="no known namespace"):
            await w.publisher.publish("unknown:a", b"1")


@pytest.mark.parametrize(
    "info",
    [None, ClientInfo(user="u", client="c"), ClientInfo(user="u", client="c", chan_info=b"[1]")],
)
@pytest.mark.parametrize("tags", [{}, {"a": "b\n\x1e"}])
def test_what_is_put_in_front_of_a_payload_is_read_back(
    info: ClientInfo | None, tags: dict[str, str]
) -> None:
    body = wrap(b'{"a":"\\n"}', info=info, tags=tags, time_ms=7)
    item = unwrap(Publication(channel="c", epoch="e", offset=1, data=body))
    assert (item.data, item.info, item.tags or {}, item.time_ms) == (b'{"a":"\\n"}', info, tags, 7)


def test_a_payload_without_more_stays_as_it_is() -> None:
    assert wrap(b'{"a":1}') == b'{"a":1}'
