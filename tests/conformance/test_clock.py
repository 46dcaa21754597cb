import asyncio
from collections.abc import Callable

import pytest

from avance.backends.system import SystemClock
from avance.ports.clock import Clock
from avance.testing.clock import FIRST_MS, FakeClock
from avance.testing.conformance.clock import ClockConformance


class TestSystemClock(ClockConformance):
    @pytest.fixture
    def make_clock(self) -> Callable[[], Clock]:
        return SystemClock


class TestFakeClock(ClockConformance):
    @pytest.fixture
    def make_clock(self) -> Callable[[], Clock]:
        return FakeClock

    def let_pass(self, clock: Clock, seconds: float) -> None:
        assert isinstance(clock, FakeClock)
        clock.advance(seconds)

    async def test_time_stands_still_until_it_is_moved(self) -> None:
        clock = FakeClock()
        assert (clock.now_ms(), clock.monotonic_s()) == (FIRST_MS, 0.0)
        clock.advance(1.5)
        assert (clock.now_ms(), clock.monotonic_s()) == (FIRST_MS + 1_500, 1.5)

    async def test_setting_the_wall_clock_wakes_nobody(self) -> None:
        clock = FakeClock()
        async with asyncio.TaskGroup() as tasks:
            sleeping = tasks.create_task(clock.sleep(10))
            await clock.until_sleeping()
            clock.set(FIRST_MS + 3_600_000)
            await asyncio.sleep(0)
            assert not sleeping.done()
            assert clock.now_ms() == FIRST_MS + 3_600_000
            clock.advance(10)

    async def test_sleepers_wake_in_the_order_of_their_times(self) -> None:
        clock = FakeClock()
        woken: list[int] = []

        async def sleep(seconds: int) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        async with asyncio.TaskGroup() as tasks:
            for seconds in (3, 1, 2, 9):
                tasks.create_task(sleep(seconds))
            await clock.until_sleeping(4)
            clock.advance(5)
            await asyncio.sleep(0)
            assert woken == [1, 2, 3]
            assert clock.sleeping == 1
            clock.advance(5)
        assert woken == [1, 2, 3, 9]

    async def test_a_test_can_wait_until_the_code_sleeps(self) -> None:
        clock = FakeClock()
        rounds: list[int] = []

        async def work() -> None:
            for n in range(3):
                rounds.append(n)
                await clock.sleep(60)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work())
            for n in range(3):
                await clock.until_sleeping()
                assert rounds == list(range(n + 1))
                clock.advance(60)
