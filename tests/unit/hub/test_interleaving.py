"""
Whatever happens in whatever order, every client ends with the same state.
"""

import asyncio
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import Reader, World, tick, until, world

from avance.edge.link import Frame
from avance.hub.limits import HubLimits
from avance.model.stream import Append, Position
from avance.ports.store import Commit

CHANNELS = ("kept:a", "kept:b")
CLIENTS = 3
ANSWER = Frame(b'{"push":{"message":{"data":1}}}')

clients = st.integers(0, CLIENTS - 1)
channels = st.sampled_from(CHANNELS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), channels, st.integers(1, 3), st.booleans()),
        st.tuples(st.just("publish"), channels, st.integers(1, 3), st.booleans()),
        st.tuples(st.just("answer"), clients),
        st.tuples(st.just("subscribe"), clients, channels),
        st.tuples(st.just("drop"), clients),
        st.tuples(st.just("unsubscribe"), clients, channels),
        st.tuples(st.just("stall"), clients),
        st.tuples(st.just("resume"), clients),
        st.tuples(st.just("lose"), st.booleans()),
        st.tuples(st.just("strip"), st.booleans()),
        st.tuples(st.just("tick")),
    ),
    max_size=60,
)


class Client:
    """
    What stays of a client over its connections: the last position and what it showed.
    """

    def __init__(self, w: World, *, is_delta: bool) -> None:
        self._w = w
        self._is_delta = is_delta
        self.reader = w.reader(is_delta=is_delta)
        self.wanted: set[str] = set()
        self.seen: dict[str, list[tuple[int, Any]]] = {channel: [] for channel in CHANNELS}
        self._epochs: dict[str, str] = {}

    async def subscribe(self, channel: str) -> None:
        if channel in self.reader.subscriptions:
            return
        self.wanted.add(channel)
        seen = self.seen[channel]
        epoch = self._epochs.get(channel)
        since = None if epoch is None else Position(epoch=epoch, offset=seen[-1][0] if seen else 0)
        joined = await self.reader.subscribe(channel, since=since or Position(epoch="", offset=0))
        assert joined.is_recovered
        self._epochs[channel] = joined.position.epoch
        self.gather()

    def unsubscribe(self, channel: str) -> None:
        if channel in self.reader.subscriptions:
            self.reader.unsubscribe(channel)
            self.gather()

    def drop(self) -> None:
        """
        The connection goes; what waited for it is lost with it.
        """
        self.gather()
        self.reader.leave()
        self.reader = self._w.reader(is_delta=self._is_delta)

    def gather(self) -> None:
        reader = self.reader
        for channel in CHANNELS:
            offsets = reader.offsets.pop(channel, [])
            values = reader.values.pop(channel, [])
            self.seen[channel] += zip(offsets, values, strict=True)

    async def come_back(self) -> None:
        self.reader.is_writable = True
        self.reader.outlet.resume()
        for channel in CHANNELS:
            await self.subscribe(channel)


async def play(script: list[tuple[Any, ...]], *, is_delta: bool) -> None:
    limits = HubLimits(drain_slice_bytes=200, ring_bytes_max=400, buffered_publications_max=3)
    async with world(limits=limits) as w:
        everybody = [Client(w, is_delta=is_delta) for _ in range(CLIENTS)]
        truth: dict[str, list[tuple[Any, bool]]] = {channel: [] for channel in CHANNELS}
        for step in script:
            await do(w, everybody, truth, step)
        w.bus.loses = w.bus.strips = False
        for client in everybody:
            await client.come_back()
        for channel in CHANNELS:
            await do(w, everybody, truth, ("publish", channel, 1, False))
        for client in everybody:
            await until(lambda client=client: is_at_the_end(client.reader, truth))
            client.gather()
            check(client, truth)


async def do(
    w: World,
    everybody: list[Client],
    truth: dict[str, list[tuple[Any, bool]]],
    step: tuple[Any, ...],
) -> None:
    match step:
        case ("publish", channel, count, is_progress):
            appends = []
            for _ in range(count):
                number = len(truth[channel]) + 1
                value = {"filler": "é and much that stays the same " * 3, "number": number}
                truth[channel].append((value, is_progress))
                appends.append(append(channel, value, is_progress=is_progress))
            w.bus.publish(await w.store.commit(Commit(appends=tuple(appends))))
        case ("answer", client):
            # Something else for this connection, between a publication and its flush.
            everybody[client].reader.outlet.send((ANSWER,))
        case ("subscribe", client, channel):
            await everybody[client].subscribe(channel)
        case ("unsubscribe", client, channel):
            # A client that unsubscribes while frames wait for it still gets them; here it comes back from there.
            if everybody[client].reader.is_writable:
                everybody[client].unsubscribe(channel)
        case ("drop", client):
            everybody[client].drop()
        case ("stall", client):
            everybody[client].reader.is_writable = False
        case ("resume", client):
            everybody[client].reader.is_writable = True
            everybody[client].reader.outlet.resume()
        case ("lose", is_on):
            w.bus.loses = is_on
        case ("strip", is_on):
            w.bus.strips = is_on
        case ("tick",):
            await tick()


def append(channel: str, value: object, *, is_progress: bool) -> Append:
    return Append(
        channel=channel,
        body=msgspec.json.encode(value),
        is_stamped=False,
        conflate="progress" if is_progress else None,
    )


def is_at_the_end(reader: Reader, truth: dict[str, list[tuple[Any, bool]]]) -> bool:
    return all(reader.position(channel) == len(truth[channel]) for channel in CHANNELS)


def check(client: Client, truth: dict[str, list[tuple[Any, bool]]]) -> None:
    for channel in CHANNELS:
        seen, told = client.seen[channel], truth[channel]
        offsets = [offset for offset, _ in seen]
        assert offsets == sorted(set(offsets)), "ascending, and nothing twice"
        for offset, value in seen:
            assert value == told[offset - 1][0], "what was published there, not another thing"
        missing = set(range(1, len(told) + 1)) - set(offsets)
        assert all(told[offset - 1][1] for offset in missing), "only progress gives way"
        assert offsets[-1] == len(told), "the end is the same for all"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=steps, is_delta=st.booleans())
def test_any_order_of_drops_stalls_losses_and_returns_ends_in_the_same_state(
    script: list[tuple[Any, ...]], is_delta: bool
) -> None:
    asyncio.run(play(script, is_delta=is_delta))
