"""
A Redis that was away and is there again is there for whoever writes as well, at once.
"""

import logging

import anyio
import pytest
from redis_service import RedisServer

from avance.backends.redis import RedisBus
from avance.backends.redis.limits import RedisLimits
from avance.ports.bus import Letter
from avance.testing.conformance.bus import Ear

# Nothing is taken for lost because the machine stood still.
PATIENT = RedisLimits(connect_timeout_s=15, command_timeout_s=15, silence_s=30)


async def reach(here: RedisBus, there: Ear, topic: str) -> None:
    """
    Write until it is heard: the other may not listen yet.
    """
    letter = Letter(node=None, topic=topic)
    while letter not in there.letters:
        here.send(letter)
        await anyio.sleep(0.02)


async def test_each_time_that_redis_goes_away_is_told_once_and_so_is_its_return(
    redis_server: RedisServer, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    001-29, 001-44: what the writer kept open from before is no second failure.
    """
    caplog.set_level(logging.WARNING, "avance.redis")
    async with (
        RedisBus([redis_url], node="here", limits=PATIENT) as here,
        RedisBus([redis_url], limits=PATIENT) as there,
    ):
        ear = Ear(there)
        for times in range(2):
            await reach(here, ear, f"before {times}")
            redis_server.stop()
            while not (here.problems and there.problems):  # noqa: ASYNC110 - a bus has no event for it
                await anyio.sleep(0.01)
            await anyio.to_thread.run_sync(redis_server.start)
            while here.problems or there.problems:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
            await reach(here, ear, f"after {times}")
    told = [record.getMessage() for record in caplog.records]
    # Both of them, each of two times.
    assert sum("is not there (" in line for line in told) == 4
    assert sum("is there again" in line for line in told) == 4
