"""
What goes over the wire for whoever runs the server: apps, workers, connections, numbers.
"""

import msgspec

from avance.edge.http.shapes import Name, Shape
from avance.ports.auth import Role


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who the caller is to this server.
    """

    user: str
    role: Role
    tenant: str | None
    is_open: bool
    """Nobody needs credentials here."""


class AppView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str


class AppList(msgspec.Struct, frozen=True, kw_only=True):
    apps: tuple[AppView, ...]


class StatsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """
    How much there is to do and what became of it; of the caller's own jobs, for an admin of all.
    """

    queued: int
    running: int
    completed: int
    """Within the last 24 hours, as are the failed ones."""
    failed: int
    completed_by_minute: tuple[int, ...]
    """Of the last hour, the oldest first."""
    failed_by_minute: tuple[int, ...]


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where one attempt can run.
    """

    name: str
    runner: str
    pid: int
    job_id: str | None
    since: str | None
    done: int


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """
    Whoever takes jobs. Of one elsewhere only what its leases tell is known.
    """

    name: str
    is_here: bool
    """On the server that answers, which alone can pause it."""
    is_paused: bool
    fault: str | None
    running: int
    free: dict[str, int]
    """Places by runner."""
    completed: int | None
    """Since the server began, as are the failed ones."""
    failed: int | None
    heartbeat_at: str | None
    places: tuple[PlaceView, ...]


class WorkerList(msgspec.Struct, frozen=True, kw_only=True):
    workers: tuple[WorkerView, ...]


class PauseRequest(Shape, frozen=True, kw_only=True):
    worker: Name
    is_paused: bool


class ConnectionView(msgspec.Struct, frozen=True, kw_only=True):
    client: str
    user: str
    node: str
    transport: str
    codec: str
    address: str
    name: str
    version: str
    connected_at: str
    channels: tuple[str, ...]
    is_waiting: bool
    """It reads slower than it is sent to."""


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    node: str
    connections: int
    users: int
    channels: int
    subscriptions: int
    uptime_s: float


class ConnectionList(msgspec.Struct, frozen=True, kw_only=True):
    """
    The connections of the server that answers, the newest first, and how many every server has.
    """

    connections: tuple[ConnectionView, ...]
    total: int
    """`connections` holds so many of them at most."""
    nodes: tuple[NodeView, ...]


class KickRequest(Shape, frozen=True, kw_only=True):
    """
    Its client is told not to come back by itself.
    """

    client: Name


KINDS: tuple[type[msgspec.Struct], ...] = (
    Me,
    AppList,
    StatsAnswer,
    WorkerList,
    PauseRequest,
    ConnectionList,
    KickRequest,
)
