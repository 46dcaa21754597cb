"""
`Avance`: what a user's code holds. It declares tasks when it is imported, and opens an engine when it runs.
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import msgspec
from msgspec.structs import replace

from avance.app.asgi import with_lifespan
from avance.app.declare import Declares
from avance.app.extension import App
from avance.app.handle import JobHandle
from avance.app.records import Records
from avance.app.track import TRACK_DEADLINE_S, Tracker, tracked_job
from avance.errors import ConfigError, Unavailable
from avance.jobs.context import current
from avance.jobs.service import Jobs, SubmitOptions
from avance.jobs.task import (
    AnyTask,
    declare_phases,
)
from avance.model.job import Job
from avance.model.stream import Position
from avance.ports.blobs import Blobs
from avance.ports.clock import Clock
from avance.version import VERSION

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from avance.app.engine import Engine
    from avance.config import Settings

P = ParamSpec("P")
R = TypeVar("R")


class Avance(Declares):
    """
    The app: `Avance("sqlite:///avance.db")`, or without arguments by the settings (`AVANCE_*`, a file).
    """

    def __init__(self, store: str | None = None, *, settings: "Settings | None" = None) -> None:
        super().__init__()
        self.apps: dict[str, App] = {}
        self._store = store
        self._settings = settings
        self._engine: Engine | None = None

    @property
    def settings(self) -> "Settings":
        """
        Read on first use, so that importing an app reads no environment. A store named in the code wins over one in the settings.
        """
        if self._settings is None:
            # As `build`: only a server reads settings.
            from avance.app.sections import all_sections  # noqa: PLC0415
            from avance.config import read_settings  # noqa: PLC0415

            self._settings = read_settings(sections=all_sections())
        return self._settings if self._store is None else replace(self._settings, store=self._store)

    def configure(self, settings: "Settings") -> None:
        """
        Use these settings, as the command line read them.
        """
        self._settings = settings

    def include(self, app: App) -> None:
        """
        Serve an app's tasks, routes and sockets with this one; before it is opened.

        Raises:
            ConfigError: An app or a task of that name is there already.
        """
        if self.apps.get(app.name) is app:
            return
        taken = sorted({app.name} & set(self.apps) | set(app.tasks) & set(self.tasks))
        if taken:
            raise ConfigError(
                f"the app {app.name!r} cannot be included: {', '.join(taken)} is there already"
            )
        self.apps[app.name] = app
        self.tasks.update(app.tasks)
        app.join(self)

    @property
    def is_open(self) -> bool:
        """
        Whether the engine runs.
        """
        return self._engine is not None

    @property
    def engine(self) -> "Engine":
        """
        What runs while the app is open.

        Raises:
            Unavailable: It is not open.
        """
        if self._engine is None:
            raise Unavailable(
                "avance is not open here: run under `avance serve`, after avance.fastapi.install(...), inside `async with app.open():`, "
                "or use job.spawn(...) inside a task",
                code="not_open",
            )
        return self._engine

    @property
    def jobs(self) -> Jobs:
        """
        Read, list, cancel and retry jobs.
        """
        return self.engine.jobs

    @property
    def records(self) -> Records:
        """
        Tables of apps, changed together with events.
        """
        return self.engine.records

    @property
    def blobs(self) -> Blobs:
        """
        Files.
        """
        return self.engine.kernel.storage.blobs

    @property
    def clock(self) -> Clock:
        """
        The time, which tests can set.
        """
        return self.engine.kernel.clock

    @asynccontextmanager
    async def open(self, *, executes: bool = True) -> AsyncIterator["Avance"]:
        """
        Run the engine; with `executes=False` it submits and follows, and leaves the work to others on the same store.
        """
        async with self.running(self.build(executes=executes)):
            yield self

    def build(self, *, executes: bool = True) -> "Engine":
        """
        Put an engine together without opening it, for whoever mounts its routes.
        """
        # Worker processes import an app to find its tasks and never serve: they are spared the web framework.
        from avance.app.engine import Engine  # noqa: PLC0415

        return Engine(self, version=VERSION, executes=executes)

    def asgi(self) -> "ASGIApp":
        """
        The whole of avance as an ASGI app; its lifespan opens and closes the engine.
        """
        engine = self.build()
        return with_lifespan(engine.http(), lambda: self.running(engine))

    @asynccontextmanager
    async def running(self, engine: "Engine") -> AsyncIterator["Engine"]:
        """
        Open an engine that `build` made, and be open while it runs.
        """
        if self._engine is not None:
            raise ConfigError("this app is open already; open it once for each process")
        # Known before it is open: a task that was waiting in the store may run as soon as the executor is up.
        self._engine = engine
        try:
            async with engine:
                yield engine
        finally:
            self._engine = None

    async def submit(
        self,
        task: AnyTask | str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: SubmitOptions,
    ) -> JobHandle:
        """
        What `task.submit` calls. Inside a job, the new job belongs to the same owner unless another is given.
        """
        running = current()
        if options.owner is None and running.owner is not None:
            options = replace(options, owner=running.owner)
        return self.handle(await self.jobs.submit(task, args, kwargs, options))

    def handle(self, job: Job) -> JobHandle:
        """
        A handle for a job that was read.
        """
        return JobHandle(job, self.jobs, self.engine.job_token)

    async def track(
        self,
        job_id: str | None = None,
        *,
        kind: str,
        owner: str | None = None,
        tenant: str | None = None,
        title: str | None = None,
        phases: Mapping[str, float] | Sequence[str] | None = None,
        deadline_s: float = TRACK_DEADLINE_S,
        parent_id: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> Tracker:
        """
        Follow work that runs elsewhere: it runs from now on, and expires when nobody ends it before its deadline.
        """
        engine = self.engine
        job = tracked_job(
            id=job_id or str(uuid.uuid4()),
            kind=kind,
            now_ms=engine.kernel.clock.now_ms(),
            deadline_s=deadline_s,
            owner=owner,
            tenant=tenant,
            title=title,
            phases=declare_phases(phases),
            parent_id=parent_id,
            meta=dict(meta or {}),
        )
        return await engine.track(job)

    def token(
        self, user: str, *, channels: Sequence[str] = (), ttl_s: float = 900.0, **claims: Any
    ) -> str:
        """
        Sign a connection token for a browser of this user; `channels` are subscribed by the server.
        """
        return self.engine.token(user, channels=channels, ttl_s=ttl_s, claims=claims)

    async def publish(self, channel: str, data: Any) -> Position:
        """
        Publish to a channel of the app's own, such as `topic:prices`.
        """
        return await self.engine.publish(channel, msgspec.json.encode(data))
