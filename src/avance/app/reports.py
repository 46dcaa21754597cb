"""
Work of other engines told as jobs: workers without the store write reports into a journal, and one serving node applies them.

A report is applied at least once. What must not be told twice (a line of the log, a chunk) is numbered by its worker, and the number is
kept in the transaction that applies it.
"""

import asyncio
import atexit
import logging
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, Self

import msgspec
from anyio import to_thread
from msgspec.structs import replace

from avance.app.buses import SCHEMES, bus_urls, missing_redis
from avance.app.report_limits import REPORT_LIMITS, ReportLimits, limits_of_worker
from avance.backends.system import SystemClock
from avance.errors import AvanceError, ConfigError, Conflict, InvalidRequest, TooLarge, Unavailable
from avance.jobs.reporter import Reporter
from avance.model import machine
from avance.model.job import Job, JobError, State
from avance.model.machine import Cause, Step
from avance.model.report import (
    AnyReport,
    ChunkEmitted,
    Done,
    Failed,
    LogWritten,
    Lost,
    MetaChanged,
    PartialSaved,
    PhaseReached,
    ProgressMade,
    Started,
)
from avance.model.stream import Append
from avance.ports.clock import Clock
from avance.ports.executor import Run
from avance.ports.journal import Entry, Journal, ReportWriter
from avance.ports.outage import Outage
from avance.ports.store import JobFilter, Store

if TYPE_CHECKING:
    from avance.edge.http.services import Health, Probe

log = logging.getLogger("avance.reports")

FOREIGN = ("celery", "rq")
"""Runners whose jobs have a lease that is renewed through the journal."""

ELSEWHERE = (*FOREIGN, "track")
"""Runners whose work may begin where only the journal is heard."""

THE_CURRENT = 0
"""In the place of an attempt: whichever runs, told by a process that does not know which."""

REPORTS_A_MS = 1_000


class Appeared(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="appeared"):
    """
    There is such a job; told as often as somebody meets it.
    """

    job: Job
    input: msgspec.Raw = msgspec.Raw(b'{"args":[],"kwargs":{}}')

    @property
    def job_id(self) -> str:
        return self.job.id


class Retried(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="retried"):
    """
    An attempt failed, and its engine will try again.
    """

    job_id: str
    attempt: int
    error: JobError
    wait_s: float


class Dropped(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="dropped"):
    """
    Its engine will not run it, or has stopped it.
    """

    job_id: str
    is_expired: bool = False


class Alive(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="alive"):
    """
    A worker holds these.
    """

    worker: str
    job_ids: tuple[str, ...]


Told = (
    Appeared
    | Retried
    | Dropped
    | Alive
    | Started
    | ProgressMade
    | PhaseReached
    | LogWritten
    | ChunkEmitted
    | MetaChanged
    | PartialSaved
    | Done
    | Failed
    | Lost
)

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)


class Courier:
    """
    What a worker holds to tell of its jobs. Works over a fork: each process writes with a thread of its own.
    """

    def __init__(self, url: str, *, limits: ReportLimits | None = None) -> None:
        """
        Args:
            limits: By default those of the environment.
        """
        self._url = report_url(url)
        self.limits = limits_of_worker() if limits is None else limits
        self._clock = SystemClock()
        self._writer: tuple[int, ReportWriter] | None = None
        self._asked: tuple[str, float, bool] = ("", 0.0, False)

    @property
    def writer(self) -> ReportWriter:
        """
        The writer of this process.
        """
        if self._writer is None or self._writer[0] != os.getpid():
            try:
                from avance.backends.redis import JournalWriter  # noqa: PLC0415
            except ModuleNotFoundError as error:
                raise missing_redis(error) from error
            self._writer = (os.getpid(), JournalWriter(self._url))
            atexit.register(self._writer[1].close)
        return self._writer[1]

    @property
    def now_ms(self) -> int:
        """
        Wall time.
        """
        return self._clock.now_ms()

    def is_cancelled(self, job_id: str) -> bool:
        """
        Whether somebody cancelled it, as far as is known; asked at most once a second for each job.
        """
        now_s = self._clock.monotonic_s()
        asked, asked_s, answer = self._asked
        if answer and asked == job_id:
            return True
        if asked != job_id or now_s - asked_s >= self.limits.ask_interval_s:
            self._asked = (job_id, now_s, self.writer.is_cancelled(job_id))
        return self._asked[2]

    def tell(self, told: Told) -> None:
        """
        Never blocks.
        """
        self.writer.append(_encode(told), conflate=_conflate(told))

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """
        Say it in our words when a Redis is not there.

        Raises:
            Unavailable: It is not.
        """
        from avance.backends.redis import reachable  # noqa: PLC0415

        with reachable(self._url):
            yield

    def flush(self) -> None:
        """
        Have what was told in the journal, if it is there.
        """
        self.writer.flush(self.limits.flush_s)


class ForeignAttempt:
    """
    The place of a task that an engine other than ours runs; what it reports goes through a courier.
    """

    def __init__(self, courier: Courier, run: Run, *, is_flushed: bool = False) -> None:
        """
        Args:
            is_flushed: Its process may end without a warning, so what must not be lost is waited for.
        """
        self.run = run
        self._courier = courier
        self._is_flushed = is_flushed
        # Where the attempt has no number of its own, its reports still must not look like those of the attempt before.
        self._base = courier.now_ms * REPORTS_A_MS if run.attempt == THE_CURRENT else 0

    @property
    def is_cancelled(self) -> bool:
        return self._courier.is_cancelled(self.run.job_id)

    def report(self, report: AnyReport, /) -> None:
        self._courier.tell(replace(report, n=self._base + report.n))
        if self._is_flushed and not isinstance(report, ProgressMade):
            self._courier.flush()

    def ask(self, what: str, body: bytes, /) -> bytes:
        raise InvalidRequest(
            f"{what}: this job runs on {self.run.runner}, which has ways of its own for that; submit the task there",
            code="no_current_job",
        )

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        return self.ask(what, body)


class _Superseded(Exception):
    """
    Another node has become the reader.
    """


class ReportReader:
    """
    An async context manager: it applies what workers tell, and gives up those that are silent.
    """

    def __init__(
        self,
        url: str,
        store: Store,
        reporter: Reporter,
        clock: Clock,
        *,
        node: str,
        limits: ReportLimits = REPORT_LIMITS,
    ) -> None:
        try:
            from avance.backends.redis import RedisJournal  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise missing_redis(error) from error
        self._url = report_url(url)
        self._journal: Journal = RedisJournal(self._url, node=node, lock_s=limits.reader_lock_s)
        self._store = store
        self._reporter = reporter
        self._clock = clock
        self._limits = limits
        self._leases: dict[str, float] = {}
        self._outage = Outage(log, "reports of workers wait for the store")
        self._is_listed = False
        self._looked_s = 0.0
        self._marks: dict[str, tuple[int, int]] = {}
        """By job: the attempt and number up to which lines and chunks were applied."""
        self._telling: dict[str, asyncio.Task[None]] = {}
        """By job that was cancelled: what tells the workers."""
        self._tasks = asyncio.TaskGroup()
        self._loop: asyncio.Task[None] | None = None
        reporter.listen(self._observe)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loop = self._tasks.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._journal.close()
        if self._loop is not None:
            self._loop.cancel()
            self._loop = None
        await self._tasks.__aexit__(None, None, None)
        await self._journal.aclose()

    async def told(self, job_id: str) -> None:
        """
        Wait until no worker begins a job that was cancelled; where Redis does not answer, for a while only, and not where it is known to be away.
        """
        telling = self._telling.get(job_id)
        if telling is not None and self._journal.problem is None:
            await asyncio.wait({telling}, timeout=self._limits.flush_s)

    async def apply(self, job_id: str, reports: list[Told]) -> None:
        """
        Apply what was heard in another way than through the journal.
        """
        await self._apply(job_id, reports, is_read=False)

    def probe(self) -> "Probe":
        """
        How the journal is.
        """
        from avance.edge.http.services import Health  # noqa: PLC0415

        async def probe() -> "Health":
            problem = self._journal.problem
            return Health(is_ok=problem is None, detail=problem, is_required=False)

        return probe

    def _observe(self, job: Job) -> None:
        if job.runner not in ELSEWHERE or not job.state.is_terminal:
            return
        self._leases.pop(job.id, None)
        self._marks.pop(job.id, None)
        if job.state in (State.CANCELLED, State.EXPIRED) and self._loop is not None:
            telling = self._reporter.run_soon(self._journal.cancel(job.id))
            self._telling[job.id] = telling
            telling.add_done_callback(lambda _: self._telling.pop(job.id, None))

    async def _read(self) -> None:
        async with aclosing(self._journal.batches()) as batches:
            async for entries in batches:
                if entries is None:
                    await self._begin()
                    continue
                # Before the entries are applied, which may wait long for the store.
                read_s = self._clock.monotonic_s()
                is_ours = await self._take(entries) if entries else True
                # Only where all was read that had been told by then.
                if is_ours and self._journal.is_caught_up and read_s >= self._looked_s:
                    self._looked_s = read_s + self._limits.look_interval_s
                    if not self._is_listed:
                        await self._list()
                    await self._give_up_silent(read_s)

    async def _begin(self) -> None:
        """
        Nobody may have heard of anybody for a while, so every worker gets a whole lease to say something. Another node may have applied
        reports meanwhile.
        """
        self._leases.clear()
        self._marks.clear()
        self._is_listed = False
        await self._list()

    async def _list(self) -> None:
        # Where the store is away it is asked again at the next look: a job that is in no list would run for ever once its worker is gone.
        with self._outage:
            async for job in self._running():
                self._renew(job.id)
            self._is_listed = True

    async def _running(self) -> AsyncGenerator[Job]:
        cursor = None
        while True:
            page = await self._store.jobs(
                JobFilter(states=(State.RUNNING,), limit=self._limits.running_page, cursor=cursor)
            )
            for job in page.jobs:
                if job.runner in FOREIGN:
                    yield job
            cursor = page.cursor
            if cursor is None:
                return

    async def _take(self, entries: Sequence[Entry]) -> bool:
        """
        Apply them, or say that another node does.
        """
        by_job: dict[str, list[Told]] = {}
        held: set[str] = set()
        for entry in entries:
            told = _decode(entry.body)
            if isinstance(told, Alive):
                held.update(told.job_ids)
            elif told is not None:
                by_job.setdefault(told.job_id, []).append(told)
        for job_id in held & self._leases.keys():
            self._renew(job_id)
        try:
            async with asyncio.TaskGroup() as tasks:
                for job_id, reports in by_job.items():
                    tasks.create_task(self._apply(job_id, reports))
        except* _Superseded:
            log.info("another node reads the reports of workers; this one has waited for its store")
        else:
            await self._journal.acknowledge(entries)
            for job_id in held - self._leases.keys():
                await self._meet(job_id)
            return True
        return False

    async def _meet(self, job_id: str) -> None:
        """
        A worker holds what is not known to run. It may have missed that it was cancelled, so it is told as long as it holds it.
        """
        with self._outage:
            job = await self._store.job(job_id)
            if job is None or job.runner not in FOREIGN:
                return
            if job.state is State.RUNNING:
                self._renew(job_id)
            elif job.state in (State.CANCELLED, State.EXPIRED):
                await self._journal.cancel(job_id)

    async def _apply(self, job_id: str, reports: list[Told], *, is_read: bool = True) -> None:
        """
        Returns when they are in the store or can never be.

        Args:
            is_read: They are from the journal, so another node may have to apply them.
        """
        while True:
            try:
                with self._outage:
                    await self._apply_now(job_id, reports)
                    return
            except TooLarge as error:
                reports = [_without_result(told, error) for told in reports]
                continue
            except AvanceError as error:
                log.warning("reports of job %s are refused: %s", job_id, error)
                return
            await self._clock.sleep(self._limits.reader_lock_s / 8)
            if is_read and not await self._journal.keep():
                raise _Superseded

    async def _apply_now(self, job_id: str, reports: Sequence[Told]) -> None:
        for told in reports:
            if isinstance(told, Appeared):
                await self._create(told)
        rest = [told for told in reports if not isinstance(told, Appeared)]
        if not rest:
            return
        if job_id not in self._marks and any(_number(told) > (0, 0) for told in rest):
            self._remember(job_id, await self._stored_mark(job_id))
        mark = self._marks.get(job_id, (0, 0))
        fresh, newest = _fresh(rest, mark)

        def decide(job: Job) -> Step:
            step = machine.stay(job)
            for told in fresh:
                step = step.then(follow(step.job, told, self._clock.now_ms()))
            if newest > mark and step.appends:
                kept = Append(channel=_mark_channel(job_id), body=_encode(newest), is_stamped=False)
                step = replace(step, appends=(*step.appends, kept))
            return step

        job = await self._reporter.change(job_id, decide)
        if job.state.is_terminal:
            return
        if newest > mark:
            self._remember(job_id, newest)
        if job.state is State.RUNNING and job.runner in FOREIGN:
            self._renew(job_id)

    def _remember(self, job_id: str, mark: tuple[int, int]) -> None:
        if len(self._marks) >= self._limits.marks_max:
            del self._marks[next(iter(self._marks))]
        self._marks[job_id] = mark

    async def _create(self, told: Appeared) -> None:
        if await self._store.job(told.job.id) is not None:
            return
        try:
            await self._reporter.create(told.job, bytes(told.input))
        except Conflict as conflict:
            if conflict.code != "stale_write":
                raise

    async def _stored_mark(self, job_id: str) -> tuple[int, int]:
        page = await self._store.stream(_mark_channel(job_id), limit=1, is_reversed=True)
        if not page.publications:
            return (0, 0)
        return msgspec.json.decode(page.publications[0].data, type=tuple[int, int])

    def _renew(self, job_id: str) -> None:
        self._leases[job_id] = self._clock.monotonic_s() + self._limits.lease_s

    async def _give_up_silent(self, now_s: float) -> None:
        for job_id in [name for name, end_s in self._leases.items() if end_s <= now_s]:
            del self._leases[job_id]
            with self._outage:
                await self._give_up(job_id)
            if self._outage.lasts:
                self._renew(job_id)

    async def _give_up(self, job_id: str) -> None:
        job = await self._store.job(job_id)
        if job is None or job.state is not State.RUNNING or job.runner not in FOREIGN:
            return
        reason = f"its worker was not heard for {self._limits.lease_s:g} s"
        told: Told | None = None
        if job.runner == "rq":
            told = await to_thread.run_sync(_ask_rq, self._url, job)
        lost = Lost(job_id=job_id, attempt=job.attempt, reason=reason)
        await self._apply_now(job_id, [told or lost])


def _ask_rq(url: str, job: Job) -> Told | None:
    """
    A work horse outlives its parent and may have ended well, with nobody left to tell.
    """
    try:
        from avance.backends.redis import open_blocking, reachable  # noqa: PLC0415
        from avance.backends.rq import outcome  # noqa: PLC0415
    except ModuleNotFoundError as error:
        log.info("RQ cannot be asked how job %s ended: %s", job.id, error)
        return None
    try:
        with reachable(url), open_blocking(url) as connection:
            ended = outcome(connection, job.id)
    except Unavailable as error:
        log.warning("%s", error)
        return None
    if ended is None:
        return None
    if ended.error is not None:
        lost = JobError(kind="error", code="job_failed", message=ended.error.strip())
        return Failed(job_id=job.id, attempt=job.attempt, error=lost)
    return Done(job_id=job.id, attempt=job.attempt, result=_raw(ended.result))


def _raw(result: object) -> msgspec.Raw:
    try:
        return msgspec.Raw(_encode(result))
    except (TypeError, ValueError, msgspec.MsgspecError):
        return msgspec.Raw(_encode(repr(result)))


def follow(job: Job, told: Told, now_ms: int) -> Step:
    """
    Apply what another engine tells of a job. Its processes do not wait for each other, so a later attempt may be heard of first.
    """
    if job.state.is_terminal or isinstance(told, Appeared | Alive):
        return machine.stay(job)
    if isinstance(told, Dropped):
        return machine.expire(job, now_ms) if told.is_expired else machine.cancel(job, now_ms)
    begins = isinstance(told, Started) and told.attempt == THE_CURRENT
    if told.attempt == THE_CURRENT:
        told = replace(told, attempt=job.attempt)
    # While a job waits for its next attempt, the one before it has said its last word.
    is_over = job.state is State.RETRYING and told.attempt == job.attempt and not begins
    if told.attempt < job.attempt or is_over:
        return machine.stay(job)
    running = _run(job, told.attempt, now_ms)
    if isinstance(told, Started):
        return running
    return running.then(_report(running.job, told, now_ms))


def _report(job: Job, told: Any, now_ms: int) -> Step:
    if isinstance(told, Lost):
        return machine.lose(job, now_ms, reason=told.reason)
    if not isinstance(told, Retried):
        return machine.report(job, told, now_ms)
    # Its engine has decided to go on and when, so here neither is decided again.
    policy = replace(
        job.retry,
        backoff_s=(told.wait_s,),
        max_attempts=max(job.retry.max_attempts, job.errors + 2),
    )
    error = replace(told.error, retryable=True)
    failed = Failed(job_id=job.id, attempt=job.attempt, error=error)
    return machine.report(replace(job, retry=policy), failed, now_ms)


def _run(job: Job, attempt: int, now_ms: int) -> Step:
    """
    Bring a job to this attempt, running.
    """
    step = machine.stay(job)
    while step.job.state is not State.RUNNING or step.job.attempt < attempt:
        current = step.job
        match current.state:
            case State.RUNNING if current.awaits_children:
                return step
            case State.RUNNING:
                missed = Retried(
                    job_id=job.id,
                    attempt=current.attempt,
                    error=JobError(
                        kind="error", code="retried", message="The task is tried again."
                    ),
                    wait_s=0.0,
                )
                step = step.then(_report(current, missed, now_ms))
            case State.RETRYING | State.SCHEDULED:
                step = step.then(machine.due(current, now_ms))
            case _:
                # Without a worker of ours: its lease is kept by whoever reads the reports.
                started = machine.move(
                    replace(current, attempt=max(current.attempt, attempt)),
                    Cause.CLAIM,
                    now_ms,
                    started_ms=current.started_ms or now_ms,
                )
                step = step.then(started)
    return step


def report_url(url: str) -> str:
    """
    The Redis that reports go through: of several servers of a bus the first.
    """
    urls = bus_urls(url)
    if not urls:
        raise ConfigError(f"reports need a Redis, such as {SCHEMES[0]}127.0.0.1:6379/0")
    return urls[0]


def _conflate(told: Told) -> str | None:
    if isinstance(told, Alive):
        return f"alive:{told.worker}"
    if not isinstance(told, ProgressMade) or told.percent in (0, 100):
        return None
    return f"{told.job_id}:{told.attempt}:{told.phase}"


def _decode(body: bytes) -> Told | None:
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        log.warning("a report of %d bytes cannot be read and is left out: %s", len(body), error)
        return None


def _number(told: Told) -> tuple[int, int]:
    if isinstance(told, LogWritten | ChunkEmitted):
        return (told.attempt, told.n)
    return (0, 0)


def _fresh(reports: Sequence[Told], mark: tuple[int, int]) -> tuple[list[Told], tuple[int, int]]:
    """
    Those that were not applied yet, and the mark after them.
    """
    fresh: list[Told] = []
    for told in reports:
        number = _number(told)
        if (0, 0) < number <= mark:
            continue
        fresh.append(told)
        mark = max(mark, number)
    return fresh, mark


def _mark_channel(job_id: str) -> str:
    return f"reports:{job_id}"


def _without_result(told: Told, error: TooLarge) -> Told:
    if isinstance(told, Done):
        failure = JobError(kind="error", code=error.code, message=error.message)
        return Failed(job_id=told.job_id, attempt=told.attempt, n=told.n, error=failure)
    if isinstance(told, PartialSaved):
        return replace(told, result=msgspec.Raw(b"null"))
    return told
