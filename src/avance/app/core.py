"""
`Avance`: what a user's code holds. It declares tasks when it is imported, and opens an engine when it runs.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import msgspec
from msgspec.structs import replace

from avance.app.asgi import with_lifespan
from avance.app.buses import Mirrored
from avance.app.declare import Declares
from avance.app.extension import App
from avance.app.handle import JobHandle
from avance.app.inbox import (
    Action,
    Digest,
    Escalate,
    Inbox,
    Kind,
    Notifier,
    PreferencesOf,
    Priority,
    Sent,
)
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
from avance.ports.auth import Identity
from avance.ports.blobs import Blobs
from avance.ports.clock import Clock
from avance.version import VERSION

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from avance.app.engine import Engine
    from avance.config import Settings

P = ParamSpec("P")
R = TypeVar("R")
_NOT_OF_A_DRAFT = frozenset({"self", "user", "title"})


class Avance(Declares):
    """
    The app: `Avance("sqlite:///avance.db")`, or without arguments by the settings (`AVANCE_*`, a file).
    """

    def __init__(self, store: str | None = None, *, settings: "Settings | None" = None) -> None:
        super().__init__()
        self.apps: dict[str, App] = {}
        self.mirrored: list[Mirrored] = []
        self._store = store
        self._settings = settings
        self._kinds: list[Kind] = []
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
    def notifier(self) -> Notifier:
        """
        What stores notifications and sends them out.
        """
        return self.engine.notifier

    @property
    def kinds(self) -> Sequence[Kind]:
        """
        The kinds of notifications that were declared.
        """
        return tuple(self._kinds)

    def kind(self, kind: Kind) -> None:
        """
        Declare a kind of notification; the same again changes nothing.
        """
        self._kinds.append(kind)
        if self._engine is not None:
            self._engine.notices.inboxes.kinds.declare(kind)

    async def notify(
        self,
        user: str,
        title: str,
        *,
        body: str = "",
        kind: str = "info",
        priority: Priority | str | None = None,
        data: Mapping[str, Any] | None = None,
        url: str | None = None,
        actions: Sequence[Action | Mapping[str, str]] | None = None,
        group: str | None = None,
        dedupe: str | None = None,
        idempotency: tuple[str, str] | None = None,
        job_id: str | None = None,
        channels: Sequence[str] | None = None,
        digest: Digest | None = None,
        escalate: Escalate | None = None,
        expires_s: float | None = None,
    ) -> Sent:
        """
        Tell a user something. It is stored when this returns, shown on every connected device, and sent out as the user wishes.

        Args:
            dedupe: While one with this key waits unread, nothing is added.
            idempotency: Who sends and a key; the same again within 24 h answers the same notification.
            channels: By default those of the kind; `("in_app", "email")` sends a mail as well.
            digest: Gather several into one message of an external channel.
            escalate: Use another channel when it was not seen after a while.
            expires_s: After this it leaves the inbox.
        """
        given = {name: value for name, value in locals().items() if name not in _NOT_OF_A_DRAFT}
        return await self.notifier.notify(user, title, given)

    async def notify_all(self, users: Iterable[str], title: str, **options: Any) -> Sequence[Sent]:
        """
        Tell several users the same, with the options of `notify`; those who exist once are told once.
        """
        return await self.notifier.notify_all(dict.fromkeys(users), title, options)

    def inbox(self, user: str) -> Inbox:
        """
        The notifications of a user.
        """
        return Inbox(self.notifier.inboxes, user)

    def preferences(self, user: str) -> PreferencesOf:
        """
        What a user wants to be told, how and when.
        """
        return PreferencesOf(self.notifier.inboxes, user)

    async def identify(self, *, token: str | None = None, key: str | None = None) -> Identity:
        """
        Who brings this token or API key, for a socket with an auth message of its own.

        Raises:
            Unauthenticated: Nobody.
        """
        return await self.engine.identify(token=token, key=key)

    @property
    def is_open_to_all(self) -> bool:
        """
        Whether everybody on this machine is the admin `dev`: open mode.
        """
        return self.engine.auth.is_open

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
        needs_children: bool = False,
    ) -> Tracker:
        """
        Follow work that runs elsewhere: it runs from now on, and expires when nobody ends it before its deadline.

        Args:
            needs_children: It has failed when a job that was submitted below it has.
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
            needs_children=needs_children,
        )
        return await engine.track(job)

    async def tracker(self, job_id: str) -> Tracker:
        """
        Go on with work that `track` began, perhaps in another process or before a restart.

        Raises:
            NotFound: There is no such job.
        """
        return self.engine.tracker(await self.jobs.get(job_id))

    def token(
        self, user: str, *, channels: Sequence[str] = (), ttl_s: float = 900.0, **claims: Any
    ) -> str:
        """
        Sign a connection token for a browser of this user; `channels` are subscribed by the server.
        """
        return self.engine.token(user, channels=channels, ttl_s=ttl_s, claims=claims)

    def mirror(self, channel: str, body: bytes) -> None:
        """
        Publish bytes on a plain channel of the Redis that is the bus, for whoever listens there; without one, do nothing.
        """
        self.engine.mirror.send(channel, body)

    def mirror_events(
        self,
        kinds: Iterable[str],
        channel: str,
        frames: Callable[[Job, Mapping[str, Any]], Iterable[bytes]],
    ) -> None:
        """
        Say on a plain channel of Redis what happens to jobs of these tasks, once for each event over all nodes.

        Args:
            channel: Such as `job_progress:{job_id}`.
            frames: Called with the stored job and an event of it; answers what is said.
        """
        self.mirrored.append(Mirrored(kinds=frozenset(kinds), channel=channel, frames=frames))

    async def publish(self, channel: str, data: Any) -> Position:
        """
        Publish to a channel of the app's own, such as `topic:prices`.
        """
        return await self.engine.publish(channel, msgspec.json.encode(data))
