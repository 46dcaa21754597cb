"""
Jobs without a network: store, bus, reporter, executor, dispatcher. What `avance worker` runs, and what the server stands on.
"""

import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from random import Random
from typing import Any, Self

import msgspec

from avance.app.children import child_spec
from avance.app.storage import Storage
from avance.backends.embedded import EMBEDDED_LIMITS, EmbeddedExecutor, EmbeddedLimits
from avance.errors import AvanceError, InvalidRequest, Unavailable
from avance.jobs.dispatcher import DISPATCHER_LIMITS, Dispatcher, DispatcherLimits
from avance.jobs.follow import Follower
from avance.jobs.perform import Performer
from avance.jobs.reporter import REPORTER_LIMITS, Reporter, ReporterLimits
from avance.jobs.service import Jobs, SubmitOptions
from avance.jobs.task import AnyTask, Throttle
from avance.jobs.upkeep import Upkeep
from avance.model.job import JOB_LIMITS, JobLimits
from avance.ports.clock import Clock
from avance.ports.records import Schema
from avance.ports.store import Durability, Retention

_log = logging.getLogger("avance.jobs")
_DEFAULT_THROTTLE = Throttle()


class KernelOptions(msgspec.Struct, frozen=True, kw_only=True):
    executes: bool = True
    """False: submit and follow here, and leave the work to others on the same store."""
    processes: int | None = None
    """By default one for each processor."""
    threads: int = 8
    async_max: int = 100
    jobs_per_child_max: int | None = None
    is_lazy: bool = False
    retention: Retention = Retention()
    dispatcher: DispatcherLimits = DISPATCHER_LIMITS
    reporter: ReporterLimits = REPORTER_LIMITS
    job_limits: JobLimits = JOB_LIMITS
    drain_s: float = 10.0
    embedded: EmbeddedLimits = EMBEDDED_LIMITS
    durability: Durability = Durability.FULL
    schemas: tuple[Schema, ...] = ()
    """Tables of apps, there before a task runs."""


class Kernel:
    """
    An async context manager: opened bottom-up, closed top-down.
    """

    def __init__(
        self,
        storage: Storage,
        tasks: Mapping[str, AnyTask],
        clock: Clock,
        *,
        node: str,
        options: KernelOptions,
    ) -> None:
        self.storage = storage
        self.clock = clock
        self._tasks = tasks
        self._options = options
        self._stack = AsyncExitStack()
        self.reporter = Reporter(
            storage.store,
            storage.bus,
            clock,
            random=Random(),
            throttle_of=self._throttle_of,
            limits=options.reporter,
            job_limits=options.job_limits,
            durability=options.durability,
        )
        self.follower = Follower(storage.store, storage.bus)
        self.jobs = Jobs(
            storage.store,
            self.reporter,
            self.follower,
            clock,
            tasks,
            enlist=storage.enlist,
            limits=options.job_limits,
        )
        self.executor: EmbeddedExecutor | None = None
        self.dispatcher: Dispatcher | None = None
        self.worker = f"{node}/embedded"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.storage.store)
            for schema in self._options.schemas:
                await self.storage.records.migrate(schema)
            await stack.enter_async_context(self.storage.bus)
            await stack.enter_async_context(self.reporter)
            if self._options.executes:
                await self._open_executor(stack)
            upkeep = Upkeep(
                self.storage.store,
                self.jobs,
                self.reporter,
                self.clock,
                retention=self._options.retention,
            )
            await stack.enter_async_context(upkeep)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stack.aclose()

    async def _open_executor(self, stack: AsyncExitStack) -> None:
        options = self._options
        executor = EmbeddedExecutor(
            performer=Performer(self._tasks),
            child_target="avance.app.children:child_performer",
            child_argument=child_spec(self._tasks),
            processes=os.cpu_count() or 1 if options.processes is None else options.processes,
            threads=options.threads,
            async_max=options.async_max,
            jobs_per_child_max=options.jobs_per_child_max,
            is_lazy=options.is_lazy,
            limits=options.embedded,
        )
        executor.attach(self.reporter.tell, self._answer, self._wake)
        self.reporter.hold_back_with(executor.pause)
        dispatcher = Dispatcher(
            self.storage.queue,
            executor,
            self.reporter,
            self.storage.bus,
            self.clock,
            worker=self.worker,
            kinds=self._tasks.keys,
            limits=options.dispatcher,
            drain_s=options.drain_s,
        )
        stack.push_async_callback(self._give_back)
        await stack.enter_async_context(executor)
        await stack.enter_async_context(dispatcher)
        self.executor, self.dispatcher = executor, dispatcher

    async def _give_back(self) -> None:
        """
        Queue again what this worker still holds, so that another takes it at once and not after its lease.
        """
        try:
            swept = await self.storage.queue.release(
                self.worker, now_ms=self.clock.now_ms(), is_counted=False
            )
        except Unavailable as error:
            # A stop is a stop: what is left is taken on when its lease ends.
            _log.warning("work is not given back before its lease ends: %s", error)
            return
        self.reporter.observe(swept.jobs, swept.publications)

    def _wake(self) -> None:
        if self.dispatcher is not None:
            self.dispatcher.wake()

    def _throttle_of(self, kind: str) -> Throttle:
        task = self._tasks.get(kind)
        return _DEFAULT_THROTTLE if task is None else task.options.progress

    async def _answer(self, job_id: str, attempt: int, what: str, body: bytes) -> bytes:
        """
        A question from inside a task.
        """
        try:
            if what != "submit":
                raise InvalidRequest(f"there is no question {what!r}", code="unknown_question")
            return await self._submit_child(job_id, body)
        except AvanceError as error:
            refusal = {"code": error.code, "message": error.message, "status": error.status}
            return msgspec.json.encode({"error": refusal})

    async def _submit_child(self, parent_id: str, body: bytes) -> bytes:
        wanted = msgspec.json.decode(body, type=_Spawn)
        parent = await self.jobs.get(parent_id)
        options = SubmitOptions(
            owner=parent.owner,
            tenant=parent.tenant,
            parent_id=parent_id,
            weight=wanted.weight,
            **wanted.options,
        )
        child = await self.jobs.submit(wanted.task, wanted.args, wanted.kwargs, options)
        return msgspec.json.encode({"job_id": child.id})


class _Spawn(msgspec.Struct, frozen=True, kw_only=True):
    task: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    weight: float = 1.0
    options: dict[str, Any] = {}
