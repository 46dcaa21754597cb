"""
What goes over the wire for whoever runs the server: apps, workers, connections, numbers.
"""

import msgspec

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


KINDS: tuple[type[msgspec.Struct], ...] = (Me, AppView, AppList)
