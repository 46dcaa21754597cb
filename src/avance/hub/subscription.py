from typing import Protocol

import msgspec

from avance.hub.forms import Form
from avance.hub.item import Item
from avance.hub.namespaces import Namespace
from avance.hub.outlet import Outlet
from avance.model.stream import Position
from avance.ports.presence import Member


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a channel tells a subscriber first: everything up to `offset`, in one payload.
    """

    offset: int
    data: bytes


class SnapshotProvider(Protocol):
    """
    Reads the snapshot of a channel, or None where there is nothing to tell. The position is read before the rows, so that what is told
    twice is told in the right order.
    """

    async def __call__(self, channel: str, /) -> Snapshot | None: ...


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a subscriber asks for.
    """

    since: Position | None = None
    """The position to recover from; an empty epoch fits every stream."""
    only_recovered: bool = False
    """Rather no subscription than one that lost something."""
    wants_snapshot: bool = True
    wants_joins: bool = False
    member: Member | None = None
    """Shown in presence, where the namespace has it, and announced."""
    is_present: bool = False
    is_announced: bool = False


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a subscription begins; the hub tells it at the moment from which on everything is delivered.
    """

    position: Position
    publications: tuple[Item, ...] = ()
    """What was missed, when recovered; else the snapshot, if there is one."""
    was_recovering: bool = False
    is_recovered: bool = False


class Subscription:
    """
    One outlet in one channel.
    """

    __slots__ = ("channel", "form", "namespace", "outlet", "wish")

    def __init__(
        self, channel: str, namespace: Namespace, outlet: Outlet, form: Form, wish: Wish
    ) -> None:
        self.channel = channel
        self.namespace = namespace
        self.outlet = outlet
        self.form = form
        self.wish = wish


class Unrecovered(Exception):
    """
    What the subscriber missed cannot be given.
    """
