"""
The only writer of job events. Facts about one job wait in its mailbox; whatever gathered there becomes one step, one commit.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from random import Random
from typing import Protocol, Self

import msgspec

from avance.errors import AvanceError, Conflict, NotFound, TooLarge, Unavailable
from avance.jobs.task import Throttle
from avance.jobs.throttle import Gate
from avance.model import machine
from avance.model.job import JOB_LIMITS, Job, JobError, JobLimits
from avance.model.machine import Step
from avance.model.report import AnyReport, Done, Failed, PartialSaved
from avance.model.stream import Publication
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.store import Commit, Durability, JobWrite, Store

_log = logging.getLogger("avance.jobs")

Change = Callable[[Job], Step]
Listener = Callable[[Job], None]


class ReporterLimits(msgspec.Struct, frozen=True, kw_only=True):
    stale_write_retries_max: int = 50
    """How often a step is decided anew because another node wrote the same job in between."""
    unavailable_wait_s: tuple[float, ...] = (0.05, 0.2, 1.0, 2.0, 5.0)
    """Between tries while the store cannot take reports; the last repeats, so an end is never thrown away."""
    mailboxes_max: int = 50_000
    mailbox_reports_max: int = 10_000
    """With more waiting for the store, the task that tells them is held back until half of them are written."""
    roll_up_interval_s: float = 0.1
    """A parent hears of its children's ordinary progress at most this often."""


REPORTER_LIMITS = ReporterLimits()


class HoldBack(Protocol):
    """
    Lets an attempt wait with its reports, or go on.
    """

    def __call__(self, job_id: str, attempt: int, *, is_paused: bool) -> None: ...


class Places(Protocol):
    """
    Where a job can begin with the commit that makes it, without a claim.
    """

    @property
    def worker(self) -> str: ...

    def keep(self, job: Job) -> int | None:
        """
        Keep a place for a job that is about to be written, and answer until when it holds it; None where it has to queue.
        """

    def leave(self, job: Job) -> None:
        """
        The job was not written.
        """

    def begin(self, job: Job, encoded_input: bytes) -> None:
        """
        The job is written.
        """

    async def look(self, job: Job, encoded_input: bytes) -> None:
        """
        Find out whether the job was written, and begin it or leave.
        """


def _nobody_is_held(job_id: str, attempt: int, *, is_paused: bool) -> None:
    """
    For reports that come from elsewhere.
    """


class _Mailbox:
    __slots__ = (
        "attempt",
        "changes",
        "counted",
        "gate",
        "is_draining",
        "is_held",
        "job",
        "job_id",
        "list_timer",
        "reports",
        "rolls_up",
        "timer",
    )

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.job: Job | None = None
        self.attempt = 0
        self.gate: Gate | None = None
        self.reports: list[AnyReport] = []
        self.changes: list[tuple[Change, asyncio.Future[Job]]] = []
        self.rolls_up = False
        self.counted: list[asyncio.Future[Job]] = []
        """Who waits for the next roll-up."""
        self.is_draining = False
        self.is_held = False
        self.timer: asyncio.TimerHandle | None = None
        self.list_timer: asyncio.TimerHandle | None = None

    @property
    def has_mail(self) -> bool:
        return bool(self.reports or self.changes or self.rolls_up)


class Reporter:
    """
    An async context manager; leaving it writes what was told before.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        *,
        random: Random,
        throttle_of: Callable[[str], Throttle],
        limits: ReporterLimits = REPORTER_LIMITS,
        job_limits: JobLimits = JOB_LIMITS,
        durability: Durability = Durability.FULL,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._random = random
        self._throttle_of = throttle_of
        self._limits = limits
        self._job_limits = job_limits
        self._durability = durability
        self._mailboxes: dict[str, _Mailbox] = {}
        self._listeners: list[Listener] = []
        self._tasks = asyncio.TaskGroup()
        self._is_closing = False
        self._pause: HoldBack = _nobody_is_held
        self._places: Places | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._is_closing = True
        for mailbox in list(self._mailboxes.values()):
            if mailbox.gate is not None:
                mailbox.reports += mailbox.gate.release(self._clock.monotonic_s())
            self._stop_timer(mailbox)
            self._wake(mailbox)
        await self._tasks.__aexit__(None, None, None)

    def listen(self, listener: Listener) -> None:
        """
        Hear of every job that was written, after its commit.
        """
        self._listeners.append(listener)

    def tell(self, report: AnyReport) -> None:
        """
        Take a report; never blocks. Ordinary progress passes the task's throttle.
        """
        mailbox = self._mailbox(report.job_id)
        if mailbox.gate is None or mailbox.attempt != report.attempt:
            kind = "" if mailbox.job is None else mailbox.job.kind
            mailbox.gate, mailbox.attempt = Gate(self._throttle_of(kind)), report.attempt
        now_s = self._clock.monotonic_s()
        mailbox.reports += mailbox.gate.admit(report, now_s)
        if mailbox.gate.waits_for_time and mailbox.timer is None:
            loop = asyncio.get_running_loop()
            mailbox.timer = loop.call_later(
                max(mailbox.gate.due_s - now_s, 0), self._release, mailbox
            )
        if len(mailbox.reports) > self._limits.mailbox_reports_max and not mailbox.is_held:
            mailbox.is_held = True
            self._pause(report.job_id, report.attempt, is_paused=True)
        self._wake(mailbox)

    def hold_back_with(self, pause: HoldBack) -> None:
        """
        Hold a task back that tells more than the store takes.
        """
        self._pause = pause

    def begin_at(self, places: Places) -> None:
        """
        Begin new jobs here where that can be.
        """
        self._places = places

    async def create(self, job: Job, encoded_input: bytes) -> Job:
        """
        Write a new job and announce it, and begin it at once where a place is free and nobody waits for it.

        Returns:
            The job as it was taken in, whether or not it has begun since.

        Raises:
            Conflict: Code `duplicate`: an active job has its unique key.
        """
        now_ms = self._clock.now_ms()
        step = machine.created(job, now_ms)
        places = self._places
        lease_until_ms = None if places is None else places.keep(step.job)
        if places is None or lease_until_ms is None:
            self.observe([step.job], await self._insert(step, encoded_input))
            return step.job
        # One commit instead of two, and no wait between them.
        begun = step.then(machine.claim(step.job, places.worker, now_ms))
        try:
            publications = await self._insert(begun, encoded_input, lease_until_ms)
        except Conflict:
            places.leave(begun.job)
            raise
        except BaseException:
            # Whoever submitted may be gone, or the answer was lost: written all the same, it must run.
            self.run_soon(places.look(begun.job, encoded_input))
            raise
        self.observe([begun.job], publications)
        places.begin(begun.job, encoded_input)
        return step.job

    async def _insert(
        self, step: Step, encoded_input: bytes, lease_until_ms: int | None = None
    ) -> Sequence[Publication]:
        write = JobWrite(
            job=step.job, expects=None, input=encoded_input, lease_until_ms=lease_until_ms
        )
        return await self._store.commit(
            Commit(writes=(write,), appends=step.appends, durability=self._durability)
        )

    async def change(self, job_id: str, change: Change) -> Job:
        """
        Apply a decision to the newest job and answer it as written; what the decision raises comes back here.
        """
        mailbox = self._mailbox(job_id)
        answer: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        mailbox.changes.append((change, answer))
        self._wake(mailbox)
        return await answer

    async def roll_up(self, parent_id: str) -> Job:
        """
        Count the children now, and answer the parent as written.
        """
        mailbox = self._mailbox(parent_id)
        answer: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        mailbox.counted.append(answer)
        mailbox.rolls_up = True
        self._wake(mailbox)
        return await answer

    def known(self, job_id: str) -> Job | None:
        """
        An active job as this process last wrote it; another may have written it since.
        """
        mailbox = self._mailboxes.get(job_id)
        return None if mailbox is None else mailbox.job

    def run_soon(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """
        Do what follows from a write, owned by this reporter.
        """
        return self._tasks.create_task(_guarded(work))

    def observe(self, jobs: Iterable[Job], publications: Sequence[Publication]) -> None:
        """
        Take note of what was written elsewhere in the same store (a claim, a sweep), and tell everybody.
        """
        self._bus.publish(publications)
        for job in jobs:
            if job.state.is_terminal:
                self._forget(job.id)
            else:
                self._keep(job)
            if job.parent_id is not None:
                self._roll_up_soon(job.parent_id, is_urgent=job.state.is_terminal)
            for listener in self._listeners:
                listener(job)

    def _keep(self, job: Job) -> None:
        mailbox = self._mailbox(job.id)
        mailbox.job = job
        if job.is_list_behind and mailbox.list_timer is None and not self._is_closing:
            wait_s = machine.LIST_PROGRESS_INTERVAL_MS / 1000
            loop = asyncio.get_running_loop()
            mailbox.list_timer = loop.call_later(wait_s, self._list_again, mailbox)

    def _list_again(self, mailbox: _Mailbox) -> None:
        mailbox.list_timer = None
        ignored: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        mailbox.changes.append((lambda job: machine.list_again(job, self._clock.now_ms()), ignored))
        self._wake(mailbox)

    def _mailbox(self, job_id: str) -> _Mailbox:
        mailbox = self._mailboxes.get(job_id)
        if mailbox is None:
            if len(self._mailboxes) >= self._limits.mailboxes_max:
                self._evict()
            mailbox = self._mailboxes[job_id] = _Mailbox(job_id)
        return mailbox

    def _evict(self) -> None:
        idle = (
            key
            for key, box in self._mailboxes.items()
            if not (box.has_mail or box.is_draining or box.timer or box.list_timer)
        )
        oldest = next(idle, None)
        if oldest is not None:
            del self._mailboxes[oldest]

    def _forget(self, job_id: str) -> None:
        mailbox = self._mailboxes.get(job_id)
        if mailbox is None:
            return
        mailbox.job = None
        self._stop_timer(mailbox)
        if not mailbox.is_draining and not mailbox.has_mail:
            del self._mailboxes[job_id]

    def _release(self, mailbox: _Mailbox) -> None:
        mailbox.timer = None
        if mailbox.gate is not None:
            mailbox.reports += mailbox.gate.release(self._clock.monotonic_s())
        self._wake(mailbox)

    def _stop_timer(self, mailbox: _Mailbox) -> None:
        for timer in (mailbox.timer, mailbox.list_timer):
            if timer is not None:
                timer.cancel()
        mailbox.timer = mailbox.list_timer = None

    def _roll_up_soon(self, parent_id: str, *, is_urgent: bool) -> None:
        mailbox = self._mailbox(parent_id)
        mailbox.rolls_up = True
        if is_urgent or self._is_closing:
            self._wake(mailbox)
        elif mailbox.timer is None:
            loop = asyncio.get_running_loop()
            mailbox.timer = loop.call_later(self._limits.roll_up_interval_s, self._release, mailbox)

    def _wake(self, mailbox: _Mailbox) -> None:
        if mailbox.has_mail and not mailbox.is_draining:
            mailbox.is_draining = True
            self._tasks.create_task(self._drain(mailbox))

    async def _drain(self, mailbox: _Mailbox) -> None:
        while mailbox.has_mail:
            reports, mailbox.reports = mailbox.reports, []
            changes, mailbox.changes = mailbox.changes, []
            rolls_up, mailbox.rolls_up = mailbox.rolls_up, False
            if reports:
                await self._apply_reports(mailbox, reports)
            if mailbox.is_held and len(mailbox.reports) <= self._limits.mailbox_reports_max // 2:
                mailbox.is_held = False
                self._pause(mailbox.job_id, mailbox.attempt, is_paused=False)
            if rolls_up:
                await self._roll_up(mailbox)
            for change, answer in changes:
                await self._apply_change(mailbox, change, answer)
        mailbox.is_draining = False
        if mailbox.job is None and mailbox.timer is None and mailbox.list_timer is None:
            self._mailboxes.pop(mailbox.job_id, None)

    async def _roll_up(self, mailbox: _Mailbox) -> None:
        tries = 0
        while True:
            answers, mailbox.counted = mailbox.counted, []
            try:
                job = await self._write(mailbox, self._counted)
            except NotFound as error:
                _refuse(answers, error)
                return
            except Unavailable as error:
                # Whoever asked is told, but the count is still owed: after the last child nobody else would ask, and the parent waits.
                _refuse(answers, error)
                if tries == 0:
                    _log.warning(
                        "the children of job %s wait to be counted: %s", mailbox.job_id, error
                    )
                if not await self._waited(tries):
                    return
                tries += 1
            else:
                for answer in answers:
                    if not answer.done():
                        answer.set_result(job)
                return

    async def _counted(self, job: Job) -> Step:
        # After the parent was read: of two processes that count at once, the one that saw less is refused and counts again.
        children = await self._store.children(job.id)
        return machine.children_changed(job, children, self._clock.now_ms())

    async def _waited(self, tries: int) -> bool:
        """
        Give the store some time; False when this process is to end and has given it enough.
        """
        waits = self._limits.unavailable_wait_s
        if self._is_closing and tries >= len(waits):
            return False
        await self._clock.sleep(waits[min(tries, len(waits) - 1)])
        return True

    async def _apply_reports(self, mailbox: _Mailbox, reports: list[AnyReport]) -> None:
        async def decide(job: Job) -> Step:
            spread = self._random.uniform(-1, 1)
            return machine.fold(
                job, reports, self._clock.now_ms(), limits=self._job_limits, spread=spread
            )

        tries = 0
        while True:
            try:
                await self._write(mailbox, decide)
                return
            except NotFound:
                _log.warning(
                    "reports for job %s refused: the job is not in the store", mailbox.job_id
                )
                return
            except TooLarge as error:
                reports = [_without_result(report, error) for report in reports]
            except Unavailable as error:
                # What a task did must not be lost because the disk is full for a while: the process keeps it and tries again.
                if tries == 0:
                    _log.error("reports for job %s wait for the store: %s", mailbox.job_id, error)
                if not await self._waited(tries):
                    return
                tries += 1

    async def _apply_change(
        self, mailbox: _Mailbox, change: Change, answer: asyncio.Future[Job]
    ) -> None:
        async def decide(job: Job) -> Step:
            return change(job)

        try:
            job = await self._write(mailbox, decide)
        except Exception as error:  # noqa: BLE001 - whoever asked for the change gets what it raised
            _refuse([answer], error)
        else:
            if not answer.done():
                answer.set_result(job)

    async def _write(self, mailbox: _Mailbox, decide: Callable[[Job], Awaitable[Step]]) -> Job:
        for _ in range(self._limits.stale_write_retries_max):
            job = mailbox.job or await self._store.job(mailbox.job_id)
            if job is None:
                raise NotFound(f"there is no job {mailbox.job_id}", job_id=mailbox.job_id)
            step = await decide(job)
            if step.job is job:
                return job
            try:
                publications = await self._commit(job, step)
            except Conflict as conflict:
                if conflict.code != "stale_write":
                    raise
                mailbox.job = None
                continue
            self.observe([step.job], publications)
            return step.job
        raise Unavailable(
            f"job {mailbox.job_id} is written by too many at once; try again", code="contended"
        )

    async def _commit(self, job: Job, step: Step) -> Sequence[Publication]:
        write = JobWrite(job=step.job, expects=job.seq, large_result=step.large_result)
        is_ordinary = step.job.state is job.state and step.job.result is job.result
        durability = Durability.NORMAL if is_ordinary else self._durability
        return await self._store.commit(
            Commit(writes=(write,), appends=step.appends, durability=durability)
        )


def _refuse(answers: Iterable[asyncio.Future[Job]], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
            # Whoever asked may be gone.
            answer.exception()


async def _guarded(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except AvanceError:
        _log.exception(
            "a follow-up of a job's end failed; the sweep after a restart finds what it left"
        )


def _without_result(report: AnyReport, error: TooLarge) -> AnyReport:
    if isinstance(report, Done):
        failure = JobError(kind="error", code=error.code, message=error.message)
        return Failed(job_id=report.job_id, attempt=report.attempt, n=report.n, error=failure)
    if isinstance(report, PartialSaved):
        return PartialSaved(
            job_id=report.job_id, attempt=report.attempt, n=report.n, result=msgspec.Raw(b"null")
        )
    return report
