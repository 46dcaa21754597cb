from collections.abc import Callable

import pytest

from avance.ports.clock import Clock
from avance.ports.presence import Member, Presence
from avance.testing.clock import FakeClock

TTL_S = 60.0


def a_member(client: str = "c1", user: str = "ana", **fields: bytes) -> Member:
    return Member(client=client, user=user, **fields)


@pytest.mark.anyio
class PresenceConformance:
    @pytest.fixture
    def make_presence(self) -> Callable[[Clock], Presence]:
        """
        A function that makes presence, empty, on a clock.
        """
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def presence(self, make_presence: Callable[[Clock], Presence], clock: FakeClock) -> Presence:
        return make_presence(clock)

    async def test_who_joined_is_there_by_client(self, presence: Presence) -> None:
        ana = a_member("c1", conn_info=b'{"name":"Ana"}', chan_info=b"1")
        bob = a_member("c2", "bob")
        await presence.join("a", ana, ttl_s=TTL_S)
        await presence.join("a", bob, ttl_s=TTL_S)
        await presence.join("b", bob, ttl_s=TTL_S)
        assert dict(await presence.members("a")) == {"c1": ana, "c2": bob}
        assert dict(await presence.members("b")) == {"c2": bob}

    async def test_nobody_is_in_a_channel_that_nobody_joined(self, presence: Presence) -> None:
        assert dict(await presence.members("a")) == {}

    async def test_who_left_is_gone_from_that_channel_alone(self, presence: Presence) -> None:
        for channel in ("a", "b"):
            await presence.join(channel, a_member(), ttl_s=TTL_S)
        await presence.leave("a", "c1")
        assert dict(await presence.members("a")) == {}
        assert dict(await presence.members("b")) == {"c1": a_member()}

    async def test_leaving_where_one_is_not_is_ignored(self, presence: Presence) -> None:
        await presence.leave("a", "nobody")
        await presence.join("a", a_member(), ttl_s=TTL_S)
        await presence.leave("a", "nobody")
        assert len(await presence.members("a")) == 1

    async def test_an_entry_ends_with_its_time_to_live(
        self, presence: Presence, clock: FakeClock
    ) -> None:
        await presence.join("a", a_member("c1"), ttl_s=TTL_S)
        await presence.join("a", a_member("c2"), ttl_s=2 * TTL_S)
        clock.advance(TTL_S - 1)
        assert len(await presence.members("a")) == 2
        clock.advance(1)
        assert list(await presence.members("a")) == ["c2"]

    async def test_a_refreshed_entry_stays_and_shows_the_newest(
        self, presence: Presence, clock: FakeClock
    ) -> None:
        await presence.join("a", a_member(), ttl_s=TTL_S)
        for n in range(5):
            clock.advance(TTL_S - 1)
            newest = a_member(chan_info=b"%d" % n)
            await presence.join("a", newest, ttl_s=TTL_S)
            assert dict(await presence.members("a")) == {"c1": newest}

    async def test_who_left_and_joined_again_ends_with_the_second_time(
        self, presence: Presence, clock: FakeClock
    ) -> None:
        await presence.join("a", a_member(), ttl_s=TTL_S)
        await presence.leave("a", "c1")
        clock.advance(TTL_S / 2)
        await presence.join("a", a_member(), ttl_s=TTL_S)
        clock.advance(TTL_S / 2)
        assert len(await presence.members("a")) == 1
        clock.advance(TTL_S / 2)
        assert len(await presence.members("a")) == 0
