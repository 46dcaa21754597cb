import asyncio

from world import tick, world

from avance.backends.memory import MemoryBus, MemoryPresence
from avance.hub import letters
from avance.hub.hub import Hub
from avance.hub.namespaces import Namespaces
from avance.hub.roster import ConnectionInfo
from avance.ports.bus import Letter
from avance.protocol.codes import DISCONNECT_FORCE, DisconnectCode, UnsubscribeCode
from avance.testing.clock import FakeClock


class Resident:
    """
    A connection that notes what is asked of it.
    """

    def __init__(self, client: str, user: str, session: str = "") -> None:
        self.client = client
        self.user = user
        self.session = session
        self.address = "127.0.0.1"
        self.notes: list[object] = []

    def describe(self) -> ConnectionInfo:
        return ConnectionInfo(
            client=self.client,
            user=self.user,
            node="node-1",
            transport="websocket",
            codec="json",
            address=self.address,
            name="",
            version="",
            connected_ms=0,
            channels=(),
            is_waiting=False,
        )

    def disconnect(self, code: DisconnectCode) -> None:
        self.notes.append(code.code)

    def unsubscribe(self, channel: str, code: UnsubscribeCode) -> None:
        self.notes.append((channel, code.code))

    def subscribe(self, channel: str, data: bytes) -> None:
        self.notes.append((channel, data))

    def refresh(self, *, is_expired: bool, expires_at_s: int | None) -> None:
        self.notes.append((is_expired, expires_at_s))

    def receive(self, data: bytes) -> None:
        self.notes.append(data)


def force(**who: object) -> letters.Disconnect:
    return letters.Disconnect(
        code=DISCONNECT_FORCE.code,
        reason=DISCONNECT_FORCE.reason,
        **who,  # type: ignore[arg-type]
    )


async def test_a_user_is_disconnected_but_for_the_clients_that_are_spared() -> None:
    async with world() as w:
        first, second, other = Resident("c1", "42"), Resident("c2", "42"), Resident("c3", "43")
        for resident in (first, second, other):
            w.hub.roster.add(resident)
        w.hub.nodes.ask(force(user="42", spared=("c2",)))
        assert (first.notes, second.notes, other.notes) == ([3503], [], [])


async def test_a_client_is_reached_only_under_its_own_user() -> None:
    async with world() as w:
        resident = Resident("c1", "42")
        w.hub.roster.add(resident)
        w.hub.nodes.ask(force(user="43", client="c1"))
        assert resident.notes == []
        w.hub.nodes.ask(force(user="42", client="c1"))
        assert resident.notes == [3503]


async def test_commands_of_an_emulated_session_reach_it_by_its_secret_alone() -> None:
    async with world() as w:
        resident = Resident("c1", "42", session="secret")
        w.hub.roster.add(resident)
        w.hub.nodes.ask(letters.Emulate(session="guess", data=b"x"), node="node-1")
        w.hub.nodes.ask(letters.Emulate(session="", data=b"x"), node="node-1")
        w.hub.nodes.ask(letters.Emulate(session="secret", data=b"{}"), node="node-1")
        assert resident.notes == [b"{}"]
        w.hub.roster.remove(resident)
        w.hub.nodes.ask(letters.Emulate(session="secret", data=b"{}"), node="node-1")
        assert resident.notes == [b"{}"]


async def test_nodes_hear_of_each_other_and_forget_who_is_silent() -> None:
    clock = FakeClock()
    bus = MemoryBus()
    async with (
        world(clock=clock) as w,
        Hub(w.store, bus, clock, Namespaces(()), MemoryPresence(clock), node="a") as a,
    ):
        async with Hub(w.store, bus, clock, Namespaces(()), MemoryPresence(clock), node="b") as b:
            await tick()
            assert a.nodes.is_known("b")
            assert b.nodes.is_known("a")
            resident = Resident("c1", "42")
            b.roster.add(resident)
            a.nodes.ask(force(user="42"))
            assert resident.notes == [3503]
        for _ in range(30):
            clock.advance(1.0)
            await asyncio.sleep(0)
        assert not a.nodes.is_known("b")
        assert a.nodes.is_known("a")


async def test_a_letter_that_cannot_be_read_is_passed_over() -> None:
    async with world() as w:
        resident = Resident("c1", "42")
        w.hub.roster.add(resident)
        w.bus.send(Letter(node=None, topic=letters.TOPIC, body=b"\xff"))
        w.bus.send(Letter(node="elsewhere", topic=letters.TOPIC, body=b""))
        w.hub.nodes.ask(force(user="42"))
        assert resident.notes == [3503]


async def test_draining_sends_everybody_away_over_the_time_given() -> None:
    clock = FakeClock()
    async with world(clock=clock) as w:
        residents = [Resident(f"c{number}", "42") for number in range(100)]
        for resident in residents:
            w.hub.roster.add(resident)
        counts: list[int] = []
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(w.hub.drain(10.0))
            while not draining.done():
                await tick()
                counts.append(sum(bool(resident.notes) for resident in residents))
                clock.advance(0.01)
        assert all(resident.notes == [3001] for resident in residents)
        assert counts[0] < 10
        assert 30 < counts[500] < 70
