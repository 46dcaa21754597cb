import logging

import pytest

from avance.edge.drivers.wheel import Wheel


class Time:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Entry:
    def __init__(self, *answers: float | None) -> None:
        self.answers = list(answers)
        self.calls = 0

    def tick(self) -> float | None:
        self.calls += 1
        return self.answers.pop(0) if self.answers else None


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def wheel(time: Time):
    async with Wheel(tick_s=0.25, monotonic_s=time) as wheel:
        yield wheel


async def test_an_entry_is_never_early_and_at_most_one_tick_late(time: Time, wheel: Wheel) -> None:
    entry = Entry()
    time.now_s = 1000.1
    wheel.schedule(entry, 5)
    time.now_s = 1005.09
    wheel.turn()
    assert entry.calls == 0
    time.now_s = 1005.1 + 0.25
    wheel.turn()
    assert entry.calls == 1
    assert wheel.entry_count == 0


async def test_an_entry_comes_again_after_the_seconds_it_answers(time: Time, wheel: Wheel) -> None:
    entry = Entry(2, None)
    wheel.schedule(entry, 1)
    time.now_s += 1
    wheel.turn()
    time.now_s += 1.5
    wheel.turn()
    assert entry.calls == 1
    time.now_s += 0.5
    wheel.turn()
    assert entry.calls == 2
    assert wheel.entry_count == 0


async def test_scheduling_again_replaces_what_was_due(time: Time, wheel: Wheel) -> None:
    entry = Entry()
    wheel.schedule(entry, 1)
    wheel.schedule(entry, 10)
    time.now_s += 5
    wheel.turn()
    assert entry.calls == 0
    assert wheel.entry_count == 1


async def test_a_cancelled_entry_does_not_come(time: Time, wheel: Wheel) -> None:
    entry = Entry()
    wheel.schedule(entry, 1)
    wheel.cancel(entry)
    wheel.cancel(entry)
    time.now_s += 5
    wheel.turn()
    assert entry.calls == 0


async def test_an_entry_may_cancel_another_of_the_same_moment(time: Time, wheel: Wheel) -> None:
    calls: list[str] = []

    class Rival:
        def __init__(self, name: str) -> None:
            self.name = name

        def tick(self) -> None:
            calls.append(self.name)
            for rival in rivals:
                wheel.cancel(rival)

    rivals = [Rival("a"), Rival("b")]
    for rival in rivals:
        wheel.schedule(rival, 1)
    time.now_s += 2
    wheel.turn()
    assert len(calls) == 1


async def test_a_broken_entry_does_not_stop_the_others(
    time: Time, wheel: Wheel, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def tick(self) -> float | None:
            raise ZeroDivisionError

    entries = [Entry(), Entry()]
    wheel.schedule(entries[0], 1)
    wheel.schedule(Broken(), 1)
    wheel.schedule(entries[1], 1)
    time.now_s += 1
    with caplog.at_level(logging.ERROR):
        wheel.turn()
    assert [entry.calls for entry in entries] == [1, 1]
    assert "ZeroDivisionError" in caplog.text


async def test_a_closed_wheel_holds_nobody(time: Time) -> None:
    async with Wheel(monotonic_s=time) as wheel:
        wheel.schedule(Entry(), 1)
    assert wheel.entry_count == 0
