"""
What `/metrics` tells of notifications.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from avance import Avance
from avance.apps.retail.rooms import rooms_of


@asynccontextmanager
async def counted(host: Avance) -> AsyncIterator[None]:
    """
    Count while the engine runs.
    """
    rooms = rooms_of(host)

    def sockets() -> Iterable[tuple[str, str, float, Mapping[str, str]]]:
        yield (
            "avance_notice_sockets",
            "Open sockets of `/ws/notifications`.",
            rooms.connections,
            {},
        )
        yield ("avance_notice_users", "Users with one.", len(rooms), {})
        yield (
            "avance_notices_shown_total",
            "Notifications that sockets took at once.",
            rooms.shown,
            {},
        )
        yield (
            "avance_notices_shown_seconds_total",
            "Time from storing these to the socket.",
            rooms.shown_s,
            {},
        )

    host.notifier.show(host.engine.services.metrics, sockets)
    yield
