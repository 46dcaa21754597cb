import asyncio
import logging
from collections.abc import Callable

import pytest

from avance.model.stream import Publication
from avance.ports.bus import Bus, Hint, Letter

WAIT_S = 10.0


def a_publication(channel: str, offset: int = 1) -> Publication:
    return Publication(channel=channel, epoch="e", offset=offset, data=b'{"type":"log"}')


class Ear:
    """
    Hears all that a bus tells.
    """

    def __init__(self, bus: Bus) -> None:
        self.heard: list[Hint | Letter] = []
        self._news = asyncio.Event()
        bus.attach(self._receive)

    def _receive(self, message: Hint | Letter) -> None:
        self.heard.append(message)
        self._news.set()

    @property
    def hints(self) -> list[Hint]:
        return [message for message in self.heard if isinstance(message, Hint)]

    @property
    def letters(self) -> list[Letter]:
        return [message for message in self.heard if isinstance(message, Letter)]

    async def until(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not is_enough():
                self._news.clear()
                await self._news.wait()

    async def until_letter(self, letter: Letter) -> None:
        await self.until(lambda: letter in self.letters)

    async def until_hint(self, channel: str) -> None:
        await self.until(lambda: any(hint.channel == channel for hint in self.hints))


@pytest.mark.anyio
class BusConformance:
    reaches_other_nodes = True
    """False for a bus within one process."""

    @pytest.fixture
    def make_bus(self) -> Callable[[str], Bus]:
        """
        A function that makes the bus of a node, not yet open; all of them meet on the same medium.
        """
        raise NotImplementedError

    async def happen(self, bus: Bus, publication: Publication) -> None:
        """
        Let an event happen on the node of a bus. Where the store leaves the hints for other nodes, commit it as well.
        """
        bus.publish([publication])

    async def test_a_node_hears_what_it_publishes_in_order(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        async with make_bus("n1") as bus:
            ear = Ear(bus)
            bus.watch("a", is_watched=True)
            told = [a_publication("a", n) for n in range(1, 20)]
            bus.publish(told[:10])
            bus.publish(told[10:])
            await ear.until(lambda: len(ear.hints) >= len(told))
            assert [hint.publication for hint in ear.hints] == told

    async def test_receivers_hear_in_the_order_in_which_they_came(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        heard: list[str] = []
        async with make_bus("n1") as bus:
            bus.watch("a", is_watched=True)
            for name in ("first", "second", "third"):
                bus.attach(lambda _, name=name: heard.append(name))  # type: ignore[misc]
            ear = Ear(bus)
            bus.publish([a_publication("a")])
            await ear.until_hint("a")
            assert heard == ["first", "second", "third"]

    async def test_a_receiver_may_be_attached_before_the_bus_is_opened(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        bus = make_bus("n1")
        ear = Ear(bus)
        async with bus:
            bus.send(Letter(node=None, topic="t", body=b"x"))
            await ear.until_letter(Letter(node=None, topic="t", body=b"x"))

    async def test_receivers_are_called_in_the_event_loop(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        loops: list[asyncio.AbstractEventLoop] = []
        async with make_bus("n1") as bus:
            bus.attach(lambda _: loops.append(asyncio.get_running_loop()))
            ear = Ear(bus)
            bus.send(Letter(node="n1", topic="t"))
            await ear.until_letter(Letter(node="n1", topic="t"))
            assert loops == [asyncio.get_running_loop()]

    async def test_a_receiver_that_fails_does_not_hurt_the_publisher_or_the_others(
        self, make_bus: Callable[[str], Bus], caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_: object) -> None:
            raise RuntimeError("broken receiver")

        async with make_bus("n1") as bus:
            bus.attach(fail)
            ear = Ear(bus)
            with caplog.at_level(logging.ERROR):
                bus.send(Letter(node=None, topic="t"))
                await ear.until_letter(Letter(node=None, topic="t"))
            assert "broken receiver" in caplog.text

    async def test_what_a_receiver_publishes_comes_after_what_it_heard(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        async with make_bus("n1") as bus:

            def answer(message: Hint | Letter) -> None:
                if isinstance(message, Letter) and message.topic == "question":
                    bus.send(Letter(node=None, topic="answer"))

            bus.attach(answer)
            ear = Ear(bus)
            bus.send(Letter(node=None, topic="question"))
            await ear.until_letter(Letter(node=None, topic="answer"))
            assert [letter.topic for letter in ear.letters] == ["question", "answer"]

    async def test_watching_twice_is_as_watching_once(self, make_bus: Callable[[str], Bus]) -> None:
        async with make_bus("n1") as bus:
            ear = Ear(bus)
            for is_watched in (True, True, False, False, True):
                bus.watch("a", is_watched=is_watched)
            bus.watch("never", is_watched=False)
            bus.publish([a_publication("a")])
            await ear.until_hint("a")

    async def test_publishing_nothing_tells_nobody(self, make_bus: Callable[[str], Bus]) -> None:
        async with make_bus("n1") as bus:
            ear = Ear(bus)
            bus.publish([])
            bus.send(Letter(node=None, topic="end"))
            await ear.until_letter(Letter(node=None, topic="end"))
            assert ear.hints == []

    async def test_another_node_hears_of_a_channel_that_it_watches(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        self._need_other_nodes()
        async with make_bus("n1") as one, make_bus("n2") as two:
            ear = Ear(two)
            two.watch("a", is_watched=True)
            await self._meet(one, two, ear)
            await self.happen(one, a_publication("b"))
            await self.happen(one, a_publication("a"))
            await ear.until_hint("a")

    async def test_another_node_hears_of_what_keeps_no_history_with_its_bytes(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        self._need_other_nodes()
        async with make_bus("n1") as one, make_bus("n2") as two:
            ear = Ear(two)
            two.watch("a", is_watched=True)
            await self._meet(one, two, ear)
            told = a_publication("a", 0)
            one.publish([told])
            await ear.until(lambda: Hint(channel="a", publication=told) in ear.hints)

    async def test_a_letter_to_all_reaches_every_node(self, make_bus: Callable[[str], Bus]) -> None:
        self._need_other_nodes()
        async with make_bus("n1") as one, make_bus("n2") as two:
            ears = [Ear(one), Ear(two)]
            await self._meet(one, two, ears[1])
            letter = Letter(node=None, topic="kick", body=b"\x00\xff")
            one.send(letter)
            for ear in ears:
                await ear.until_letter(letter)

    async def test_a_letter_to_one_node_reaches_that_node_alone(
        self, make_bus: Callable[[str], Bus]
    ) -> None:
        self._need_other_nodes()
        async with make_bus("n1") as one, make_bus("n2") as two:
            here, there = Ear(one), Ear(two)
            await self._meet(one, two, there)
            one.send(Letter(node="n2", topic="kick", body=b"x"))
            two.send(Letter(node="n2", topic="self"))
            one.send(Letter(node=None, topic="end"))
            await there.until_letter(Letter(node=None, topic="end"))
            await here.until_letter(Letter(node=None, topic="end"))
            assert [letter.topic for letter in here.letters if letter.topic != "meet"] == ["end"]
            await there.until_letter(Letter(node="n2", topic="kick", body=b"x"))
            await there.until_letter(Letter(node="n2", topic="self"))

    def _need_other_nodes(self) -> None:
        if not self.reaches_other_nodes:
            pytest.skip("this bus lives within one process")

    async def _meet(self, one: Bus, two: Bus, ear_of_two: Ear) -> None:
        """
        Wait until the nodes know of each other: what was sent before that may be lost.
        """
        meet = Letter(node=None, topic="meet")
        async with asyncio.timeout(WAIT_S):
            while meet not in ear_of_two.letters:
                one.send(meet)
                await asyncio.sleep(0.01)
