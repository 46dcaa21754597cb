"""
The dialect under a clock that a test moves, with the real inbox behind it: docs/contract/notices.md 002-T14, 002-T15, 002-T19.
"""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from avance import Avance
from avance.apps.retail import app as retail
from avance.apps.retail.bucket import Bucket
from avance.apps.retail.dialect import Notices
from avance.apps.retail.frames import read, shown_user
from avance.config import AuthMode, read_settings
from avance.dialect import Close, Do, Effect, Send, Visit, Wake
from avance.testing.clock import FakeClock
from avance.web import Identity

ANA = Identity(user="ana")


class TimedAvance(Avance):
    """
    The real thing with a clock of the test's.
    """

    fake_clock = FakeClock()

    @property
    def clock(self) -> FakeClock:
        return self.fake_clock


class Line:
    """
    Carries out what a dialect wants, as a connection would.
    """

    def __init__(self, host: TimedAvance) -> None:
        self._clock = host.fake_clock
        self.dialect = Notices(host)
        self.frames: list[tuple[float, dict[str, Any]]] = []
        self.code: int | None = None
        self._timers: dict[str, float] = {}
        self._began_s = self._clock.monotonic_s()

    async def open(self, identity: Identity | None = ANA) -> None:
        await self._carry_out(self.dialect.opened(Visit(identity=identity, path={}, query={})))

    async def hear(self, **frame: Any) -> None:
        await self._carry_out(self.dialect.heard(json.dumps(frame)))

    async def pass_time(self, seconds: float) -> None:
        """
        Ring whatever is due on the way, in order.
        """
        end_s = self._clock.monotonic_s() + seconds
        while self.code is None:
            name = min(self._timers, key=lambda one: self._timers[one], default=None)
            if name is None or self._timers[name] > end_s:
                break
            self._clock.advance(max(self._timers.pop(name) - self._clock.monotonic_s(), 0))
            await self._carry_out(self.dialect.rang(name))
        self._clock.advance(max(end_s - self._clock.monotonic_s(), 0))

    def moments(self, kind: str) -> list[int]:
        return [round(at_s) for at_s, frame in self.frames if frame["type"] == kind]

    async def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in list(effects):
            if self.code is not None:
                return
            match effect:
                case Send():
                    at_s = self._clock.monotonic_s() - self._began_s
                    self.frames.append((at_s, json.loads(effect.text)))
                case Close():
                    self.code = effect.code
                case Wake():
                    self._timers[effect.name] = self._clock.monotonic_s() + effect.after_s
                case Do():
                    await self._carry_out(await effect.work())


@asynccontextmanager
async def running(host: TimedAvance, engine: Any) -> AsyncIterator[TimedAvance]:
    async with host.running(engine):
        yield host


@pytest.fixture
def opened() -> Any:
    settings = replace(read_settings(env={}), auth=AuthMode.TOKEN)
    host = TimedAvance("sqlite://:memory:", settings=settings)
    host.include(retail)
    return running(host, host.build(executes=False))


async def test_the_server_pings_every_thirty_seconds_also_while_data_flow(opened: Any) -> None:
    """
    002-05, 002-13, 002-T14
    """
    async with opened as host:
        line = Line(host)
        await line.open()
        for _ in range(100):
            await line.pass_time(0.97)
            await line.hear(type="get_unread_count")
    assert line.moments("ping") == [30, 60, 90]


async def test_a_client_that_answers_pings_stays_and_one_that_does_not_is_closed_after_five_minutes(
    opened: Any,
) -> None:
    """
    002-10, 002-39, 002-T15
    """
    async with opened as host:
        lively, silent = Line(host), Line(host)
        await silent.open()
        await silent.pass_time(299)
        assert silent.code is None
        await silent.pass_time(1)
        assert silent.code == 4408
        await lively.open()
        for _ in range(40):
            await lively.pass_time(30)
            await lively.hear(type="pong")
        assert lively.code is None


async def test_a_bare_connection_has_ten_seconds_for_its_auth_message(opened: Any) -> None:
    """
    002-T3
    """
    async with opened as host:
        line = Line(host)
        await line.open(identity=None)
        await line.pass_time(9.9)
        assert line.code is None
        await line.pass_time(0.1)
    assert line.code == 1008
    assert line.moments("auth_failed") == [10]


async def test_twenty_frames_a_second_and_forty_at_once(opened: Any) -> None:
    """
    002-38, 002-T19, decision 11: refused frames are answered; when it goes on, the socket is closed with 4429.
    """
    async with opened as host:
        line = Line(host)
        await line.open()
        for _ in range(100):
            await line.hear(type="ping")
            await line.pass_time(0.01)
        answered = len(line.moments("pong"))
        assert answered + len(line.moments("error")) == 100
        assert 40 <= answered <= 61
        assert line.code is None
        await line.pass_time(10)
        await line.hear(type="ping")
        assert len(line.moments("pong")) == answered + 1
        while line.code is None:
            await line.hear(type="ping")
            await line.pass_time(0.01)
    assert line.code == 4429
    assert {frame["code"] for _, frame in line.frames if frame["type"] == "error"} == {
        "rate_limited"
    }


async def test_a_bucket_fills_evenly(opened: Any) -> None:
    async with opened as host:
        bucket = Bucket(host, 20.0, 40)
        assert sum(bucket.take() for _ in range(50)) == 40
        host.fake_clock.advance(0.5)
        assert sum(bucket.take() for _ in range(50)) == 10


@given(st.text(max_size=200))
def test_whatever_a_client_writes_is_a_frame_or_refused(text: str) -> None:
    """
    Malformed frames: no other error ever leaves the decoder.
    """
    with suppress(ValueError):
        assert read(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type":"subscribe"}',
        '{"type":"mark_read"}',
        '{"type":"mark_read","notification_id":"1"}',
        '{"type":"mark_read","notification_id":true}',
        '{"type":"mark_read","notification_id":1.5}',
        '{"type":"mark_read","notification_id":1e400}',
        '{"type":"ack","notification_id":99999999999999999999999}',
        '{"type":"pong","user_id":{}}',
        "[" * 10_000,
    ],
)
def test_a_malformed_frame_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.mark.parametrize(
    ("user", "shown"),
    [("1", 1), ("007", "007"), ("ana", "ana"), ("-1", "-1"), ("9" * 30, "9" * 30)],
)
def test_numeric_ids_go_out_as_numbers(user: str, shown: object) -> None:
    """decision 6"""
    assert shown_user(user) == shown
