"""
What the HTTP side is given by whoever composes the program.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from fastapi import APIRouter
from starlette.routing import BaseRoute

from avance.edge.http.asyncapi import Socket
from avance.edge.http.limits import HttpLimits
from avance.edge.http.metrics import Metrics
from avance.edge.http.operation_shapes import ConnectionList, StatsAnswer, WorkerView
from avance.edge.http.origin import OriginRules
from avance.jobs.service import Jobs
from avance.ports.auth import Auth
from avance.ports.clock import Clock


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """
    How one part is.
    """

    is_ok: bool
    detail: str | None = None
    """In words, for an operator; it never holds a secret."""
    is_required: bool = True
    """Without a required part the server is not ready."""
    data: dict[str, object] = {}


Probe = Callable[[], Awaitable[Health]]


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    user: str | None = None
    token_id: str | None = None


def _nobody(_: Revoked) -> None:
    """
    There are no sockets to close.
    """


class Operations(Protocol):
    """
    What an operator may see and do.
    """

    async def stats(self, owner: str | None, tenant: str | None, /) -> StatsAnswer:
        """
        Of the jobs of an owner and of a tenant; None is all.
        """

    async def workers(self) -> Sequence[WorkerView]: ...

    def pause(self, worker: str, /, *, is_paused: bool) -> None:
        """
        Raises:
            NotFound: It is not on this server.
        """

    def connections(self, limit: int, /) -> ConnectionList: ...

    def kick(self, client: str, /) -> None: ...


@dataclass(frozen=True, kw_only=True)
class HttpServices:
    """
    The parts behind the routes.
    """

    jobs: Jobs
    auth: Auth
    clock: Clock
    version: str
    origins: OriginRules
    limits: HttpLimits = field(default_factory=HttpLimits)
    metrics: Metrics = field(default_factory=Metrics)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    """By the name of the part: `store`, `executor`, `bus`."""
    socket_routes: Sequence[BaseRoute] = ()
    """Sockets, streams and emulation; they verify the tokens of their own protocol."""
    routers: Sequence[APIRouter] = ()
    """Routes of apps."""
    mounts: Sequence[BaseRoute] = ()
    """Files and other programs, such as the console."""
    public_paths: Sequence[str] = ()
    """Paths of apps that need no credentials of ours; one that ends with `/*` stands for all below it."""
    body_bytes_max: Mapping[str, int] = field(default_factory=dict)
    """Other limits, by the beginning of the path, for routes that take files."""
    sockets: Sequence[Socket] = ()
    """What `/asyncapi.json` tells beside the Centrifugo protocol and the channels of jobs."""
    apps: Mapping[str, str] = field(default_factory=dict)
    """Version by name of the apps that are served."""
    operations: Operations | None = None
    """Without it there are no numbers, workers and connections to look at."""
    has_console: bool = False
    """Browsers that open `/` are sent to `/console/`."""
    on_revoked: Callable[[Revoked], None] = _nobody
    """Closes the connections of a token or user, on every node."""
