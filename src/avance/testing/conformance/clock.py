import asyncio
from collections.abc import Callable

import pytest

from avance.ports.clock import Clock

YEAR_2020_MS = 1_577_836_800_000
WAIT_S = 10.0


@pytest.mark.anyio
class ClockConformance:
    @pytest.fixture
    def make_clock(self) -> Callable[[], Clock]:
        """
        A function that makes a clock.
        """
        raise NotImplementedError

    def let_pass(self, clock: Clock, seconds: float) -> None:
        """
        Let time pass, where it does not pass by itself.
        """

    @pytest.fixture
    def clock(self, make_clock: Callable[[], Clock]) -> Clock:
        return make_clock()

    async def test_wall_time_is_whole_milliseconds_since_1970(self, clock: Clock) -> None:
        assert isinstance(clock.now_ms(), int)
        assert clock.now_ms() > YEAR_2020_MS

    async def test_monotonic_time_never_goes_back(self, clock: Clock) -> None:
        seen = [clock.monotonic_s() for _ in range(1_000)]
        assert seen == sorted(seen)

    async def test_a_sleep_lasts_at_least_as_long_as_asked(self, clock: Clock) -> None:
        before_s = clock.monotonic_s()
        async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
            sleeping = tasks.create_task(clock.sleep(0.02))
            await asyncio.sleep(0)
            assert not sleeping.done()
            self.let_pass(clock, 0.02)
        assert clock.monotonic_s() >= before_s + 0.02 - 1e-6

    @pytest.mark.parametrize("seconds", [0.0, -1.0])
    async def test_a_sleep_of_nothing_lets_others_run(self, clock: Clock, seconds: float) -> None:
        ran: list[str] = []
        asyncio.get_running_loop().call_soon(ran.append, "other")
        async with asyncio.timeout(WAIT_S):
            await clock.sleep(seconds)
        assert ran == ["other"]

    async def test_a_sleep_can_be_cancelled(self, clock: Clock) -> None:
        async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
            sleeping = tasks.create_task(clock.sleep(3_600))
            await asyncio.sleep(0)
            sleeping.cancel()
        assert sleeping.cancelled()
