"""
What goes over the wire for whoever runs the server: apps, workers, connections, numbers.
"""

import msgspec


class AppView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str


class AppList(msgspec.Struct, frozen=True, kw_only=True):
    apps: tuple[AppView, ...]


KINDS: tuple[type[msgspec.Struct], ...] = (AppView, AppList)
