"""
What can be done with jobs. Who may do it is decided above.
"""

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from avance.errors import Conflict, InvalidRequest, NotFound, UnknownTask
from avance.jobs.follow import Follower
from avance.jobs.reporter import Reporter
from avance.jobs.task import AnyTask, Limit, OnConflict, key_of
from avance.model import machine
from avance.model.event import JobRemoved, encode
from avance.model.job import JOB_LIMITS, Job, JobLimits, State
from avance.model.stream import Append, StreamPage, job_channel, jobs_channel
from avance.ports.clock import Clock
from avance.ports.store import Commit, JobFilter, JobPage, Part, Store

ACTIVE = tuple(state for state in State if not state.is_terminal)
APPEARS_LOOK_S = 0.02
CASCADE_PAGE = 200

Enlist = Callable[[Any, Job, bytes], None]
"""Writes a submit into the transaction of a connection that the caller owns."""


class SubmitOptions(msgspec.Struct, frozen=True, kw_only=True):
    owner: str | None = None
    tenant: str | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, Any] = {}
    priority: int | None = None
    delay_s: float | None = None
    run_at_ms: int | None = None
    unique: str | None = None
    """While a job with this key is active, a submit answers that job."""
    expires_s: float | None = None
    parent_id: str | None = None
    weight: float = 1.0
    job_id: str | None = None
    retry_of: str | None = None
    tx: Any = None
    """The caller's own connection: the job begins to exist with its commit."""


DEFAULT_OPTIONS = SubmitOptions()


class Jobs:
    """
    Submit, read, cancel, retry, follow.
    """

    def __init__(
        self,
        store: Store,
        reporter: Reporter,
        follower: Follower,
        clock: Clock,
        tasks: Mapping[str, AnyTask],
        *,
        enlist: Enlist | None = None,
        limits: JobLimits = JOB_LIMITS,
    ) -> None:
        self._store = store
        self._reporter = reporter
        self._follower = follower
        self._clock = clock
        self._enlist = enlist
        self._limits = limits
        self._told: list[Callable[[str], Awaitable[None]]] = []
        self.tasks = tasks
        reporter.listen(self._observe)
        reporter.listen(follower.observe)

    def cancel_waits_for(self, told: Callable[[str], Awaitable[None]]) -> None:
        """
        Answer no cancel before others know of it.
        """
        self._told.append(told)

    async def submit(
        self,
        task: str | AnyTask,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: SubmitOptions = DEFAULT_OPTIONS,
    ) -> Job:
        """
        Make a job of a task and its arguments; with a unique key that is taken, answer the job that has it.

        Raises:
            UnknownTask: No task has that name.
            InvalidRequest: An argument or option is wrong; the message names it.
            Conflict: The task's limit rejects another job of this key (code `limit_reached`).
        """
        known = self._task(task)
        encoded, arguments = known.encode(args, kwargs or {})
        job = self._build(known, arguments, options)
        limit = known.options.concurrency
        if limit is not None and limit.on_conflict == OnConflict.REJECT:
            await self._reject_over(job, limit)
        if options.tx is not None:
            return self._enlist_in(options.tx, job, encoded)
        if job.parent_id is not None:
            await self._check_parent(job.parent_id)
        try:
            job = await self._reporter.create(job, encoded)
        except Conflict as conflict:
            if conflict.code != "duplicate":
                raise
            return await self.get(str(conflict.params["job_id"]))
        if job.parent_id is not None:
            # Counted before the answer, so that a parent which returns at once still waits for this child.
            await self._reporter.roll_up(job.parent_id)
        if limit is not None and limit.on_conflict == OnConflict.CANCEL_OLDEST:
            await self._cancel_over(job, limit)
        return job

    async def get(self, job_id: str) -> Job:
        """
        Read a job.

        Raises:
            NotFound: There is none.
        """
        job = await self._store.job(job_id)
        if job is None:
            raise _not_found(job_id)
        return job

    async def appears(self, job_id: str, *, within_s: float) -> bool:
        """
        Wait until a job that was handed to another engine is told of, for so long at most.
        """
        until_s = self._clock.monotonic_s() + within_s
        # Its first report comes by a journal, and tells no single waiter.
        while await self._store.job(job_id) is None:
            if self._clock.monotonic_s() >= until_s:
                return False
            await self._clock.sleep(APPEARS_LOOK_S)
        return True

    async def list(self, wanted: JobFilter) -> JobPage:
        """
        Read a page, newest first.
        """
        return await self._store.jobs(wanted)

    async def cancel(self, job_id: str, *, reason: str = "cancelled") -> Job:
        """
        Cancel a job and its children. It is cancelled when this returns, and begins nowhere; freeing its process follows.

        Raises:
            Conflict: It has already ended (code `job_state`).
        """
        await self.get(job_id)
        job = await self._reporter.change(
            job_id, lambda job: machine.cancel(job, self._clock.now_ms(), reason=reason)
        )
        for told in self._told:
            await told(job_id)
        return job

    async def retry(
        self, job_id: str, *, owner: str | None = None, parent_id: str | None = None
    ) -> Job:
        """
        Submit the same work again as a new job that names the old one. It has the parent of the old one while that is under way, and none after
        its end. Asked again while that new job is active, it answers the same.

        Args:
            parent_id: The parent that it is to have instead.

        Raises:
            Conflict: The job has not ended, its input is past its retention (code `input_gone`), or the given parent has ended (code `job_state`).
        """
        old = await self.get(job_id)
        if not old.state.is_terminal:
            raise Conflict(
                f"job {job_id} is {old.state}; only a job that has ended can be retried",
                code="job_state",
                job_id=job_id,
                state=old.state.value,
            )
        stored = await self._store.part(job_id, Part.INPUT)
        if stored is None:
            raise Conflict(
                f"the input of job {job_id} is no longer kept; submit it anew",
                code="input_gone",
                job_id=job_id,
            )
        bound = self._task(old.kind).decode(stored)
        options = SubmitOptions(
            owner=owner or old.owner,
            tenant=old.tenant,
            title=old.title,
            tags=old.tags,
            meta=old.meta,
            priority=old.priority,
            parent_id=parent_id or await self._open_parent(old),
            weight=old.weight,
            # Two clicks at the same moment are one wish.
            unique=f"retry:{old.id}"
            if old.unique_key is None
            else old.unique_key.removeprefix(f"{old.kind}:"),
            retry_of=old.id,
        )
        try:
            return await self.submit(old.kind, bound.args, bound.kwargs, options)
        except Conflict as conflict:
            if conflict.code != "job_state" or parent_id is not None:
                raise
            # Its parent ended meanwhile.
            alone = msgspec.structs.replace(options, parent_id=None)
            return await self.submit(old.kind, bound.args, bound.kwargs, alone)

    async def _open_parent(self, job: Job) -> str | None:
        parent = None if job.parent_id is None else await self._store.job(job.parent_id)
        return None if parent is None or parent.state.is_terminal else parent.id

    async def delete(self, job_id: str) -> None:
        """
        Remove a job that has ended, with its events, input and result.

        Raises:
            Conflict: It has not ended (code `job_state`).
        """
        job = await self.get(job_id)
        appends: tuple[Append, ...] = ()
        if job.owner is not None:
            gone = encode(JobRemoved(job_id=job_id))
            appends = (Append(channel=jobs_channel(job.owner), body=gone),)
        self._reporter.observe(
            (), await self._store.commit(Commit(removes=(job_id,), appends=appends))
        )

    async def result(self, job_id: str) -> bytes:
        """
        The JSON of the result; of a cancelled or failed job the partial one, where it saved one.

        Raises:
            Conflict: The job has not ended (code `not_finished`).
            NotFound: It ended without a result (code `no_result`).
        """
        job = await self.get(job_id)
        if not job.state.is_terminal:
            raise Conflict(
                f"job {job_id} is {job.state}; its result comes with its end",
                code="not_finished",
                job_id=job_id,
                state=job.state.value,
            )
        if job.result is not None:
            return bytes(job.result)
        stored = await self._store.part(job_id, Part.RESULT) if job.result_bytes else None
        if stored is None:
            raise NotFound(
                f"job {job_id} is {job.state} and has no result",
                code="no_result",
                job_id=job_id,
                state=job.state.value,
            )
        return stored

    async def input(self, job_id: str) -> bytes:
        """
        The JSON of the arguments.
        """
        await self.get(job_id)
        stored = await self._store.part(job_id, Part.INPUT)
        if stored is None:
            raise NotFound(
                f"the input of job {job_id} is no longer kept", code="no_input", job_id=job_id
            )
        return stored

    async def events(self, job_id: str, *, since: int, limit: int, wait_s: float = 0) -> StreamPage:
        """
        The retained events after an offset; with none there, wait for one up to `wait_s`.
        """
        await self.get(job_id)
        return await self._follower.page(
            job_channel(job_id), since=since, limit=limit, wait_s=wait_s
        )

    async def follow(self, job_id: str) -> AsyncGenerator[Job]:
        """
        The job as it is now, then after each change, until it has ended.
        """
        with self._follower.watching(job_id) as watch:
            job = await self.get(job_id)
            yield job
            while not job.state.is_terminal:
                newer = await watch.after(job)
                if newer is None:
                    raise _not_found(job_id)
                job = newer
                yield job

    async def ended(self, job_id: str) -> Job:
        """
        Wait for the end, and answer the job as it is then.
        """
        with self._follower.watching(job_id) as watch:
            job = self._reporter.known(job_id) or await self.get(job_id)
            while not job.state.is_terminal:
                newer = await watch.after(job)
                if newer is None:
                    raise _not_found(job_id)
                job = newer
            return job

    async def track(self, job: Job) -> Job:
        """
        Write a job whose work runs elsewhere.
        """
        return await self._reporter.create(job, b'{"args":[],"kwargs":{}}')

    async def cancel_children(self, parent_id: str) -> None:
        """
        Cancel what is still active below a job.
        """
        while True:
            page = await self._store.jobs(
                JobFilter(parent_id=parent_id, states=ACTIVE, limit=CASCADE_PAGE)
            )
            for child in page.jobs:
                await self._cancel_quietly(child.id, "parent_ended")
            if page.cursor is None:
                return

    def _task(self, task: str | AnyTask) -> AnyTask:
        name = task if isinstance(task, str) else task.name
        known = self.tasks.get(name)
        if known is None:
            raise UnknownTask(
                f"there is no task {name!r}; declared are: {', '.join(sorted(self.tasks)) or 'none'}",
                task=name,
            )
        return known

    def _build(self, task: AnyTask, arguments: Mapping[str, Any], options: SubmitOptions) -> Job:
        now_ms = self._clock.now_ms()
        declared = task.options
        not_before_ms = (
            options.run_at_ms if options.delay_s is None else now_ms + round(options.delay_s * 1000)
        )
        is_later = not_before_ms is not None and not_before_ms > now_ms
        expires_s = declared.expires_s if options.expires_s is None else options.expires_s
        self._check(options, expires_s)
        unique = options.unique
        if unique is None and declared.unique is not None:
            unique = key_of(declared.unique, arguments, f"unique of task {task.name}")
        title = options.title
        if title is None and declared.title is not None:
            title = key_of(declared.title, arguments, f"title of task {task.name}")
        limit = declared.concurrency
        return Job(
            id=options.job_id or str(uuid.uuid4()),
            kind=task.name,
            state=State.SCHEDULED if is_later else State.QUEUED,
            created_ms=now_ms,
            queued_ms=None if is_later else now_ms,
            not_before_ms=not_before_ms if is_later else None,
            expires_ms=None if expires_s is None else now_ms + round(expires_s * 1000),
            title=title,
            owner=options.owner,
            tenant=options.tenant,
            tags=options.tags,
            meta=options.meta,
            runner=declared.runner.value,
            priority=declared.priority if options.priority is None else options.priority,
            retry=declared.retry_policy,
            timeout_s=declared.timeout_s,
            grace_s=declared.grace_s,
            phases=declared.phases,
            parent_id=options.parent_id,
            weight=options.weight,
            retry_of=options.retry_of,
            unique_key=None if unique is None else f"{task.name}:{unique}",
            limit_key=None
            if limit is None
            else f"{task.name}:{key_of(limit.key, arguments, f'concurrency of task {task.name}')}",
            limit_max=0 if limit is None else limit.max,
        )

    def _check(self, options: SubmitOptions, expires_s: float | None) -> None:
        if len(options.tags) > self._limits.tags_max:
            raise InvalidRequest(
                f"a job has {len(options.tags)} tags; the limit is {self._limits.tags_max}",
                code="invalid_options",
                option="tags",
            )
        if len(msgspec.json.encode(options.meta)) > self._limits.meta_bytes_max:
            raise InvalidRequest(
                f"meta is over {self._limits.meta_bytes_max} bytes; keep large values elsewhere",
                code="invalid_options",
                option="meta",
            )
        for name, value in (
            ("delay_s", options.delay_s),
            ("expires_s", expires_s),
            ("weight", options.weight),
        ):
            if value is not None and not 0 <= value < float("inf"):
                raise InvalidRequest(
                    f"{name} is {value}; it must be 0 or more", code="invalid_options", option=name
                )
        if options.job_id is not None:
            try:
                uuid.UUID(options.job_id)
            except ValueError as error:
                raise InvalidRequest(
                    f"job_id {options.job_id!r} is not a UUID",
                    code="invalid_options",
                    option="job_id",
                ) from error

    def _enlist_in(self, tx: Any, job: Job, encoded: bytes) -> Job:
        if self._enlist is None:
            raise InvalidRequest(
                "this store has no transactional enqueue", code="invalid_options", option="tx"
            )
        self._enlist(tx, job, encoded)
        return job

    async def _check_parent(self, parent_id: str) -> None:
        parent = await self.get(parent_id)
        if parent.state.is_terminal:
            raise Conflict(
                f"job {parent_id} is {parent.state}; it takes no more children",
                code="job_state",
                job_id=parent_id,
                state=parent.state.value,
            )
        if parent.children is not None and parent.children.total >= self._limits.children_max:
            raise Conflict(
                f"job {parent_id} has {parent.children.total} children; that is the limit",
                code="too_many_children",
                job_id=parent_id,
            )

    async def _of_limit(self, job: Job, limit: int) -> tuple[Job, ...]:
        page = await self._store.jobs(
            JobFilter(limit_key=job.limit_key, states=ACTIVE, limit=limit)
        )
        return page.jobs

    async def _reject_over(self, job: Job, limit: Limit) -> None:
        active = await self._of_limit(job, limit.max)
        if len(active) >= limit.max:
            raise Conflict(
                f"{len(active)} jobs of {job.limit_key} are active; the limit is {limit.max}",
                code="limit_reached",
                limit_max=limit.max,
                job_id=active[0].id,
            )

    async def _cancel_over(self, job: Job, limit: Limit) -> None:
        active = [
            one for one in await self._of_limit(job, limit.max + CASCADE_PAGE) if one.id != job.id
        ]
        for oldest in active[max(limit.max - 1, 0) :]:
            await self._cancel_quietly(oldest.id, "replaced")

    async def _cancel_quietly(self, job_id: str, reason: str) -> None:
        try:
            await self.cancel(job_id, reason=reason)
        except Conflict as conflict:
            # It ended by itself in the meantime, which is as good.
            if conflict.code != "job_state":
                raise

    def _observe(self, job: Job) -> None:
        is_broken_off = job.state.is_terminal and job.state is not State.COMPLETED
        if is_broken_off and job.has_open_children:
            self._reporter.run_soon(self.cancel_children(job.id))


def _not_found(job_id: str) -> NotFound:
    return NotFound(f"there is no job {job_id}", code="job_not_found", job_id=job_id)
