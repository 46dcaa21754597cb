"""
Gives queued jobs to the executor, keeps their leases, and moves what time moves.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from typing import Self

import msgspec

from avance.errors import Unavailable
from avance.jobs.reporter import Reporter
from avance.model.job import Job, State
from avance.ports.bus import Bus, Hint, Letter
from avance.ports.clock import Clock
from avance.ports.executor import Executor, Run
from avance.ports.outage import Outage
from avance.ports.queue import Claimed, Queue

_log = logging.getLogger("avance.jobs")

WAKE_TOPIC = "queue"
"""The letter that tells every dispatcher to look for work."""


class DispatcherLimits(msgspec.Struct, frozen=True, kw_only=True):
    lease_s: float = 15.0
    renew_interval_s: float = 5.0
    poll_interval_s: float = 1.0
    """How long a job may wait when a wake-up was lost."""
    unavailable_wait_s: float = 1.0


DISPATCHER_LIMITS = DispatcherLimits()


class Dispatcher:
    """
    An async context manager: it works while it is open, and gives back what it runs when it is left.
    """

    def __init__(
        self,
        queue: Queue,
        executor: Executor,
        reporter: Reporter,
        bus: Bus,
        clock: Clock,
        *,
        worker: str,
        kinds: Callable[[], Collection[str]],
        limits: DispatcherLimits = DISPATCHER_LIMITS,
        drain_s: float = 10.0,
    ) -> None:
        self._queue = queue
        self._executor = executor
        self._reporter = reporter
        self._bus = bus
        self._clock = clock
        self._kinds = kinds
        self._limits = limits
        self._drain_s = drain_s
        self._running: dict[str, int] = {}
        self._kept: Counter[str] = Counter()
        """Places for jobs that are being written, by runner."""
        self._asked: frozenset[str] = frozenset()
        """Runners whose places the store is filling."""
        self._wake = asyncio.Event()
        self._idle: frozenset[str] = frozenset()
        self._next_due_ms: int | None = 0
        self._is_paused = False
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []
        self.worker = worker

    async def __aenter__(self) -> Self:
        self._reporter.listen(self._observe)
        self._reporter.begin_at(self)
        self._bus.attach(self._receive)
        await self._tasks.__aenter__()
        self._loops = [
            self._tasks.create_task(self._dispatch()),
            self._tasks.create_task(self._renew()),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_paused = True
        await self._executor.drain(self._drain_s)
        for loop in self._loops:
            loop.cancel()
        await self._tasks.__aexit__(None, None, None)

    @property
    def running(self) -> int:
        return len(self._running)

    def wake(self) -> None:
        """
        A place is free: give it work, if any may be waiting.
        """
        self._wake.set()

    def _look(self) -> None:
        """
        Something may be waiting that was not there at the last look.
        """
        self._idle = frozenset()
        self.wake()

    def pause(self, *, is_paused: bool) -> None:
        """
        Take no new work, or take it again; what runs goes on.
        """
        self._is_paused = is_paused
        self._look()

    def keep(self, job: Job) -> int | None:
        """
        Keep a place for a new job that nobody has to wait for.
        """
        runner = job.runner
        has_to_wait = (
            self._is_paused
            or job.state is not State.QUEUED
            or job.limit_key is not None
            or (job.expires_ms is not None and job.expires_ms <= self._clock.now_ms())
            or runner not in self._idle
            or job.kind not in self._kinds()
            or runner in self._asked
            or self._executor.free().get(runner, 0) <= self._kept[runner]
        )
        if has_to_wait:
            return None
        self._kept[runner] += 1
        return self._lease_until_ms()

    def leave(self, job: Job) -> None:
        self._kept[job.runner] -= 1
        self._look()

    def begin(self, job: Job, encoded_input: bytes) -> None:
        self._kept[job.runner] -= 1
        self._running[job.id] = job.attempt
        self._executor.start(_run(Claimed(job=job, input=encoded_input)))

    async def look(self, job: Job, encoded_input: bytes) -> None:
        given_up_s = self._clock.monotonic_s() + self._limits.lease_s
        while self._clock.monotonic_s() < given_up_s:
            try:
                held = await self._queue.renew(
                    self.worker, {job.id: job.attempt}, lease_until_ms=self._lease_until_ms()
                )
            except Unavailable:
                await self._clock.sleep(self._limits.unavailable_wait_s)
                continue
            if not held:
                break
            self._reporter.observe([job], ())
            self.begin(job, encoded_input)
            return
        # What was written after all goes to somebody with the end of its lease.
        self.leave(job)

    def _lease_until_ms(self) -> int:
        return self._clock.now_ms() + round(self._limits.lease_s * 1000)

    def _receive(self, message: Hint | Letter) -> None:
        if isinstance(message, Letter) and message.topic == WAKE_TOPIC:
            self._look()

    def _observe(self, job: Job) -> None:
        for moment in (job.not_before_ms, job.expires_ms):
            if moment is not None and not job.state.is_terminal:
                self._due_at(moment)
        attempt = self._running.get(job.id)
        if attempt is not None and (job.state is not State.RUNNING or job.attempt != attempt):
            del self._running[job.id]
            self._executor.stop(job.id, attempt, grace_s=job.grace_s)
        if job.state is State.QUEUED:
            self._bus.send(Letter(node=None, topic=WAKE_TOPIC))
        elif job.state.is_terminal and job.limit_key is not None:
            self._look()

    def _due_at(self, moment_ms: int) -> None:
        if self._next_due_ms is None or moment_ms < self._next_due_ms:
            self._next_due_ms = moment_ms
            self.wake()

    async def _dispatch(self) -> None:
        polled_s = float("-inf")
        outage = Outage(_log, "no work is taken while the store is away")
        while True:
            self._wake.clear()
            with outage:
                now_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
                is_due = self._next_due_ms is not None and now_ms >= self._next_due_ms
                if is_due or now_s - polled_s >= self._limits.poll_interval_s:
                    polled_s, self._idle = now_s, frozenset()
                    await self._sweep(now_ms)
                await self._claim()
            if outage.lasts:
                self._idle = frozenset()
                await self._clock.sleep(self._limits.unavailable_wait_s)
                continue
            await self._rest()

    async def _rest(self) -> None:
        wait_s = self._limits.poll_interval_s
        if self._next_due_ms is not None:
            wait_s = min(wait_s, max((self._next_due_ms - self._clock.now_ms()) / 1000, 0.001))
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _sweep(self, now_ms: int) -> None:
        has_more = True
        while has_more:
            swept = await self._queue.sweep(now_ms)
            self._next_due_ms = swept.next_due_ms
            self._reporter.observe(swept.jobs, swept.publications)
            has_more = swept.has_more

    async def _claim(self) -> None:
        while not self._is_paused:
            free = {
                runner: places - self._kept[runner]
                for runner, places in self._executor.free().items()
                if places > self._kept[runner] and runner not in self._idle
            }
            if not free:
                return
            # News that come while the store looks make it look again.
            self._idle |= free.keys()
            self._asked = frozenset(free)
            try:
                claims = await self._queue.claim(
                    self.worker,
                    free,
                    tuple(self._kinds()),
                    now_ms=self._clock.now_ms(),
                    lease_until_ms=self._lease_until_ms(),
                )
            finally:
                self._asked = frozenset()
            if claims.has_more and claims.claimed:
                self._idle -= free.keys()
            for claimed in claims.claimed:
                self._running[claimed.job.id] = claimed.job.attempt
            self._reporter.observe((claimed.job for claimed in claims.claimed), claims.publications)
            for claimed in claims.claimed:
                if self._running.get(claimed.job.id) == claimed.job.attempt:
                    self._executor.start(_run(claimed))

    async def _renew(self) -> None:
        outage = Outage(_log, "leases are not renewed while the store is away")
        while True:
            await self._clock.sleep(self._limits.renew_interval_s)
            with outage:
                await self._renew_once()

    async def _renew_once(self) -> None:
        until_ms = self._lease_until_ms()
        ours = dict(self._running)
        held = {
            one.job_id: one.attempt
            for one in await self._queue.renew(self.worker, ours, lease_until_ms=until_ms)
        }
        for job_id, attempt in ours.items():
            if held.get(job_id) != attempt and self._running.get(job_id) == attempt:
                # Another node cancelled it, or took it over while this one was out of reach.
                del self._running[job_id]
                self._executor.stop(job_id, attempt, grace_s=0)


def _run(claimed: Claimed) -> Run:
    job = claimed.job
    return Run(
        job_id=job.id,
        attempt=job.attempt,
        task=job.kind,
        input=claimed.input,
        runner=job.runner,
        owner=job.owner,
        meta=job.meta,
        tags=job.tags,
        timeout_s=job.timeout_s,
        grace_s=job.grace_s,
    )
