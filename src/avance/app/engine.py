"""
The composition root of a server: the kernel, and what carries its events to browsers.
"""

import dataclasses
import inspect
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from msgspec.structs import replace
from starlette.routing import BaseRoute

from avance.app.buses import Mirror, open_bus, open_presence, probe_bus
from avance.app.celery_watch import CeleryWatch
from avance.app.extension import App, resolve
from avance.app.front import BusBeside, CentrifugoSettings, open_front
from avance.app.front_http import FrontRoutes
from avance.app.identity import open_auth
from avance.app.inbox import Notifier
from avance.app.kernel import Kernel, KernelOptions
from avance.app.notices import Notices, NotifySettings
from avance.app.operations import ServerOperations
from avance.app.probe import measure_hub, measure_kernel, probe_executor, probe_files, probe_store
from avance.app.records import Records
from avance.app.report_limits import ReportLimits
from avance.app.reports import ReportReader
from avance.app.rpc import job_methods
from avance.app.storage import open_storage
from avance.app.track import Tracker
from avance.backends.embedded import EmbeddedLimits
from avance.backends.sqlite import SqliteLimits
from avance.backends.system import SystemClock
from avance.config import AuthMode, Settings
from avance.edge.console import HAS_CONSOLE, console_routes
from avance.edge.dialect.frames import frames_of
from avance.edge.dialect.socket import DialectSocket, DialectSockets
from avance.edge.drivers.wheel import Wheel
from avance.edge.http.app import http_app, routes
from avance.edge.http.asyncapi import Socket
from avance.edge.http.authenticate import Credentials, identify
from avance.edge.http.inbox import InboxRoutes
from avance.edge.http.metrics import Metrics
from avance.edge.http.origin import OriginRules
from avance.edge.http.services import HttpServices, Revoked
from avance.edge.link import Open
from avance.edge.session.access import Access
from avance.edge.session.gateway import Gateway
from avance.edge.session.routes import Endpoints
from avance.edge.session.settings import SessionSettings
from avance.errors import Unauthenticated
from avance.hub.hub import Hub
from avance.hub.letters import Revoke
from avance.hub.namespaces import Namespaces
from avance.hub.publish import Publisher
from avance.hub.snapshots import JobListSnapshots, JobSnapshots
from avance.hub.subscription import SnapshotProvider
from avance.jobs.service import Jobs
from avance.model.job import Job
from avance.model.stream import Position, job_channel
from avance.notify.limits import NotifyLimits
from avance.notify.service import SCHEMA as NOTIFY_SCHEMA
from avance.ports.auth import Identity, TokenExpired

if TYPE_CHECKING:
    from avance.app.core import Avance


class Engine:
    """
    An async context manager around everything that runs. Built without I/O, so that its routes can be mounted before it is opened.
    """

    def __init__(
        self,
        host: "Avance",
        *,
        version: str,
        executes: bool = True,
    ) -> None:
        settings, tasks = host.settings, host.tasks
        self._host = host
        clock = SystemClock()
        node = f"node-{secrets.token_hex(6)}"
        storage = open_storage(
            settings.store_url,
            clock,
            node=node,
            data=settings.data,
            sqlite=settings.section(SqliteLimits),
            blobs=settings.blobs,
        )
        bus = open_bus(settings.bus, storage.bus, node=node)
        presence = open_presence(bus, storage.presence, clock)
        self.front = open_front(settings.section(CentrifugoSettings), storage.store, clock)
        if self.front is not None:
            bus = BusBeside(bus, self.front)
        storage = dataclasses.replace(storage, bus=bus, presence=presence)
        self.settings = settings
        self.auth = open_auth(settings, clock, storage.revocations)
        self.kernel = Kernel(
            storage,
            tasks,
            clock,
            node=node,
            options=replace(
                _kernel_options(settings, executes=executes),
                schemas=(
                    NOTIFY_SCHEMA,
                    *(schema for app in host.apps.values() for schema in app.schemas),
                ),
            ),
        )
        self.reports = (
            None
            if settings.bus is None
            else ReportReader(
                settings.bus,
                storage.store,
                self.kernel.reporter,
                clock,
                node=node,
                limits=settings.section(ReportLimits),
            )
        )
        if self.reports is not None:
            self.kernel.jobs.cancel_waits_for(self.reports.told)
        self.celery = (
            None
            if self.reports is None or settings.celery is None
            else CeleryWatch(settings.celery, self.reports, clock)
        )
        self.mirror = Mirror(storage.bus, host.mirrored)
        self.kernel.reporter.listen(self.mirror.observe)
        self.records = Records(storage.records, storage.bus)
        self.notices = Notices(
            storage.records,
            storage.store,
            storage.bus,
            clock,
            node=node,
            settings=settings.section(NotifySettings),
            limits=settings.section(NotifyLimits),
            tasks=tasks,
        )
        for kind in host.kinds:
            self.notices.inboxes.kinds.declare(kind)
        namespaces = self._namespaces = Namespaces(settings.namespaces)
        self._snapshots: dict[str, SnapshotProvider] = {
            "job": JobSnapshots(storage.store, clock),
            "jobs": JobListSnapshots(storage.store),
            "inbox": self.notices.snapshot,
        }
        self.hub = Hub(
            storage.store,
            storage.bus,
            clock,
            namespaces,
            storage.presence,
            settings.hub,
            node=node,
            snapshots=self._snapshots,
        )
        self.notices.follow(self.kernel.reporter, self.hub)
        self.notifier = Notifier(self.notices.inboxes, self.notices.deliverer, self.hub)
        self.publisher = Publisher(
            storage.store,
            storage.bus,
            clock,
            namespaces,
            settings.hub,
            durability=settings.durability,
        )
        self.origins = OriginRules(
            is_open=settings.auth is AuthMode.OPEN, origins=settings.origins, hosts=settings.hosts
        )
        self.wheel = Wheel(monotonic_s=clock.monotonic_s)
        self.gateway = Gateway(
            self.hub,
            self.auth,
            self.publisher,
            origins=self.origins,
            settings=_session_settings(settings, version),
            http_limits=settings.http,
            wheel=self.wheel,
            rpc=job_methods(self.kernel.jobs),
        )
        self.endpoints = Endpoints(self.gateway, limits=settings.sockets)
        self.dialects = DialectSockets(
            self.hub,
            self.auth,
            origins=self.origins,
            http_limits=settings.http,
            limits=settings.sockets,
            wheel=self.wheel,
            ping_interval_s=settings.socket_ping_interval_s,
            ping_timeout_s=settings.socket_ping_timeout_s,
        )
        for app in host.apps.values():
            for path, make in app.sockets.items():
                self.dialects.add(DialectSocket(path=path, make=partial(resolve(make), host)))
        self.services = self._services(version, tuple(host.apps.values()))
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # The directory is ours to make; that of a store which somebody named is not.
        place = Path(self.settings.data)
        await to_thread.run_sync(partial(place.mkdir, mode=0o700, parents=True, exist_ok=True))
        async with AsyncExitStack() as stack:
            if self.front is not None:
                await stack.enter_async_context(self.front)
            await stack.enter_async_context(self.kernel)
            if self.reports is not None:
                await stack.enter_async_context(self.reports)
            if self.celery is not None:
                await stack.enter_async_context(self.celery)
            await stack.enter_async_context(self.hub)
            await stack.enter_async_context(self.notices)
            await stack.enter_async_context(self.wheel)
            await stack.enter_async_context(self.gateway)
            await stack.enter_async_context(self.dialects)
            for app in self._host.apps.values():
                await self._open_app(app, stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stack.aclose()

    @property
    def jobs(self) -> Jobs:
        return self.kernel.jobs

    def http(self) -> FastAPI:
        """
        Everything over HTTP, for a server of its own.
        """
        return http_app(self.services)

    def routes(self, prefix: str) -> Sequence[BaseRoute]:
        """
        The same below a prefix of somebody else's app.
        """
        return routes(self.services, prefix)

    def job_token(self, job_id: str, owner: str | None) -> str:
        """
        A token that follows this job and nothing else.
        """
        claims: dict[str, object] = {"channel": job_channel(job_id)}
        return self.auth.issue(
            owner or "guest", ttl_s=self.settings.http.job_token_ttl_s, claims=claims
        )

    def token(
        self, user: str, *, channels: Sequence[str], ttl_s: float, claims: Mapping[str, object]
    ) -> str:
        """
        A connection token of a user.
        """
        more: dict[str, object] = {**claims, **({"channels": list(channels)} if channels else {})}
        return self.auth.issue(user, ttl_s=ttl_s, claims=more)

    async def publish(self, channel: str, data: bytes) -> Position:
        """
        Publish to a channel of the app's own.
        """
        return await self.publisher.publish(channel, data)

    async def track(self, job: Job) -> Tracker:
        """
        Begin to follow work that runs elsewhere.
        """
        return self.tracker(await self.jobs.track(job))

    def tracker(self, job: Job) -> Tracker:
        """
        What reports for a job that is tracked.
        """
        return Tracker(job, self.jobs, self.kernel.reporter)

    async def identify(self, *, token: str | None, key: str | None) -> Identity:
        """
        Who brings this.

        Raises:
            Unauthenticated: Nobody.
        """
        credentials = Credentials(token=token, key=key)
        try:
            return await identify(self.auth, credentials, self.kernel.clock, self.settings.http)
        except TokenExpired as error:
            raise Unauthenticated("the token has expired; bring a fresh one") from error

    def open_by_path(self, path: str) -> Open | None:
        """
        For the native driver: the session factory of a path that is ours.
        """
        return self.endpoints.open_by_path(path) or self.dialects.open_by_path(path)

    async def _open_app(self, app: App, stack: AsyncExitStack) -> None:
        for runs in app.runs:
            await stack.enter_async_context(resolve(runs)(self._host))

    def _close_revoked(self, revoked: Revoked) -> None:
        self.hub.nodes.ask(Revoke(user=revoked.user, token_id=revoked.token_id))

    def _front_routers(self) -> Sequence[APIRouter]:
        if self.front is None:
            return ()
        access = Access(self.kernel.storage.store)
        return (FrontRoutes(access, self._namespaces, self._snapshots).router(),)

    def _services(self, version: str, apps: Sequence[App]) -> HttpServices:
        settings, kernel = self.settings, self.kernel
        metrics = Metrics(kinds_max=settings.http.metric_kinds_max)
        measure_kernel(kernel, metrics)
        measure_hub(self.hub, metrics)
        return HttpServices(
            jobs=kernel.jobs,
            auth=self.auth,
            clock=kernel.clock,
            version=version,
            origins=self.origins,
            limits=settings.http,
            metrics=metrics,
            sockets=tuple(
                _described(f"{app.name}_{number}", path, resolve(make))
                for app in apps
                for number, (path, make) in enumerate(app.sockets.items(), start=1)
            ),
            on_revoked=self._close_revoked,
            socket_routes=(*self.endpoints.routes(), *self.dialects.routes()),
            routers=(
                InboxRoutes(self.notices.inboxes, self.notices.push, settings.http).router(),
                *self._front_routers(),
                *(resolve(router) for app in apps for router in app.routers),
            ),
            apps={app.name: version for app in apps},
            operations=ServerOperations(
                kernel, self.records, self.hub, lease_s=settings.dispatcher.lease_s
            ),
            mounts=console_routes() if HAS_CONSOLE else (),
            has_console=HAS_CONSOLE,
            public_paths=tuple(path for app in apps for path in app.public_paths),
            body_bytes_max={
                path: size for app in apps for path, size in app.body_bytes_max.items()
            },
            probes={
                "store": probe_store(kernel.storage.store),
                "executor": probe_executor(kernel),
                **({} if settings.blobs is None else {"files": probe_files(kernel.storage.blobs)}),
                "bus": probe_bus(kernel.storage.bus),
                **({} if self.reports is None else {"reports": self.reports.probe()}),
                **({} if self.celery is None else {"celery": self.celery.probe()}),
                **({} if self.front is None else {"centrifugo": self.front.probe()}),
            },
        )


def _described(name: str, path: str, make: Callable[..., object]) -> Socket:
    frames = frames_of(make)
    return Socket(
        name=name,
        address=path,
        summary=(inspect.getdoc(make) or name).partition("\n")[0],
        sends=frames.sends,
        receives=frames.takes,
        parameters=dict.fromkeys(re.findall(r"{(\w+)", path), "In the path."),
    )


def _kernel_options(settings: Settings, *, executes: bool) -> KernelOptions:
    return KernelOptions(
        executes=executes,
        processes=settings.processes,
        threads=settings.threads,
        async_max=settings.coroutines,
        retention=settings.retention,
        dispatcher=settings.dispatcher,
        drain_s=settings.drain_s,
        embedded=settings.section(EmbeddedLimits),
        durability=settings.durability,
        job_limits=settings.jobs,
        reporter=settings.reporter,
    )


def _session_settings(settings: Settings, version: str) -> SessionSettings:
    told = f"avance {version}"
    if settings.auth is AuthMode.TOKEN:
        return replace(settings.session, version=told)
    # In open mode everybody is the same user on the same machine, so limits by user would only be in the way.
    return replace(
        settings.session, version=told, connections_per_user_max=None, inbound_per_s=None
    )
