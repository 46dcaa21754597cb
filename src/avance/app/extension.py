"""
An app on top of avance: tasks, HTTP routes and sockets under one name, found by entry point and included in whatever is served.
"""

import importlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from avance.app.declare import Declares
from avance.app.handle import JobHandle
from avance.errors import ConfigError, Unavailable
from avance.jobs.service import SubmitOptions
from avance.jobs.task import AnyTask
from avance.ports.records import Schema

if TYPE_CHECKING:
    from avance.app.core import Avance

ALL_APPS, NO_APPS = "all", "none"
GROUP = "avance.apps"
_log = logging.getLogger("avance.apps")


class Runs(Protocol):
    """
    Opened with the engine, after the tables of the app are there, and closed before it.
    """

    def __call__(self, host: "Avance", /) -> AbstractAsyncContextManager[object]: ...


class App(Declares):
    """
    Declares like `Avance` itself; its tasks run wherever it is included.

    Routes and sockets are named as `package.module:name` and imported only by a process that serves.
    """

    def __init__(
        self,
        name: str,
        *,
        routers: Sequence[str] = (),
        sockets: Mapping[str, str] | None = None,
        public_paths: Sequence[str] = (),
        body_bytes_max: Mapping[str, int] | None = None,
        schemas: Sequence[Schema] = (),
        settings: type[msgspec.Struct] | None = None,
        runs: Sequence[str] = (),
        needs: Sequence[str] = (),
        extra: str | None = None,
    ) -> None:
        """
        Args:
            routers: FastAPI routers.
            sockets: By path (`/ws/jobs/{job_id}`), a function that takes the including `Avance` and returns a `Dialect`.
            public_paths: Paths that need no credentials of avance.
            body_bytes_max: Larger bodies, by the beginning of the path.
            schemas: Tables of its own, brought up to date when the engine opens.
            settings: A section of the settings under the name of the app, for an app that is found by entry point; read with `host.settings.section(…)`.
            runs: What runs beside the engine: a function that takes the including `Avance` and returns an async context manager.
            needs: Modules without which an installed app is left out, and says so.
            extra: The extra of the package that installs them.
        """
        super().__init__()
        self.name = name
        self.routers: tuple[str, ...] = tuple(routers)
        self.sockets: dict[str, str] = dict(sockets or {})
        self.public_paths: tuple[str, ...] = tuple(public_paths)
        self.body_bytes_max: dict[str, int] = dict(body_bytes_max or {})
        self.schemas: tuple[Schema, ...] = tuple(schemas)
        self.settings = settings
        self.runs: tuple[str, ...] = tuple(runs)
        self.needs: tuple[str, ...] = tuple(needs)
        self.extra = extra
        self._host: Avance | None = None

    def __repr__(self) -> str:
        return f"<App {self.name}>"

    @property
    def host(self) -> "Avance":
        """
        What includes this app.

        Raises:
            Unavailable: Nothing does.
        """
        if self._host is None:
            raise Unavailable(
                f"the app {self.name!r} is not included anywhere; call avance.include(app)",
                code="not_open",
            )
        return self._host

    @property
    def missing(self) -> Sequence[str]:
        """
        The modules that it needs and that are not installed.
        """
        return [name for name in self.needs if find_spec(name) is None]

    def join(self, host: "Avance") -> None:
        """
        Called by `Avance.include`.
        """
        self._host = host

    async def submit(
        self,
        task: AnyTask | str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: SubmitOptions,
    ) -> JobHandle:
        return await self.host.submit(task, args, kwargs, options)


def resolve(reference: str) -> Any:
    """
    Import what `package.module:name` names.
    """
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{reference!r} cannot be imported: {error}") from error


def installed_apps(names: Sequence[str] = (ALL_APPS,)) -> Iterator[App]:
    """
    The apps of these names that installed packages offer and whose parts are all there.

    Raises:
        ConfigError: Nobody offers an app of this name.
    """
    if tuple(names) == (NO_APPS,):
        return
    offered = {app.name: app for app in offered_apps()}
    unknown = [name for name in names if name != ALL_APPS and name not in offered]
    if unknown:
        raise ConfigError(
            f"setting apps names {unknown[0]!r}, which is not installed; there are {', '.join(offered)}, or all, or none",
            setting="apps",
            value=unknown[0],
        )
    for app in offered.values():
        if ALL_APPS not in names and app.name not in names:
            continue
        if not app.missing:
            yield app
        else:
            extra = f"; pip install 'avance[{app.extra}]'" if app.extra else ""
            _log.info("%s is left out: no %s here%s", app.name, ", ".join(app.missing), extra)


def offered_apps() -> Iterator[App]:
    """
    All that installed packages offer.
    """
    for entry in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        found = entry.load()
        if not isinstance(found, App):
            raise ConfigError(
                f"entry point {entry.name!r} of {GROUP} is {type(found).__name__}, not an avance.App"
            )
        yield found
