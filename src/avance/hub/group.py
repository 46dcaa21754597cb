"""
The subscribers of one channel that take the same frames. A frame is made once for a group, and a flush hands the same tuple to all.
"""

from collections.abc import Iterable

from avance.hub.forms import Form, Frame
from avance.hub.item import Item
from avance.hub.outlet import Outlet

Batch = tuple[tuple[Outlet, ...], tuple[Frame, ...]]


class Group:
    """
    Subscribers that take whole publications.
    """

    __slots__ = ("_pending", "form", "members", "wants_joins")

    def __init__(self, form: Form, *, wants_joins: bool) -> None:
        self.form = form
        self.wants_joins = wants_joins
        self.members: dict[Outlet, None] = {}
        self._pending: list[Frame] = []

    def __len__(self) -> int:
        return len(self.members)

    def outlets(self) -> Iterable[Outlet]:
        return self.members

    def add(self, outlet: Outlet) -> None:
        self.members[outlet] = None

    def remove(self, outlet: Outlet) -> None:
        self.members.pop(outlet, None)

    def publish(self, item: Item, base: bytes | None) -> None:
        self._pending.append(self.form.publication(item))

    def tell(self, frame: Frame) -> None:
        """
        Something that is no publication.
        """
        self._pending.append(frame)

    def batches(self) -> Iterable[Batch]:
        """
        What is to be written to whom; taken with this.
        """
        if not self._pending:
            return ()
        frames = tuple(self._pending)
        self._pending.clear()
        return ((tuple(self.members), frames),)


class ChainGroup(Group):
    """
    Subscribers that take each publication as a patch of the one before.

    FRESH has no base yet and gets the next publication whole; SYNCED has the previous publication; SLOW waits for its link and gets
    everything whole, because what waits may be replaced by something newer. FRESH and SLOW become SYNCED when a whole publication was
    handed to their link; SYNCED and FRESH become SLOW when their connection starts to wait.
    """

    __slots__ = (
        "_fresh",
        "_fresh_has_base",
        "_fresh_pending",
        "_slow",
        "_slow_has_base",
        "_slow_pending",
    )

    def __init__(self, form: Form, *, wants_joins: bool) -> None:
        super().__init__(form, wants_joins=wants_joins)
        self._fresh: dict[Outlet, None] = {}
        self._fresh_pending: list[Frame] = []
        self._fresh_has_base = False
        self._slow: dict[Outlet, None] = {}
        self._slow_pending: list[Frame] = []
        self._slow_has_base = False

    def __len__(self) -> int:
        return len(self.members) + len(self._fresh) + len(self._slow)

    def outlets(self) -> Iterable[Outlet]:
        return (*self.members, *self._fresh, *self._slow)

    def add(self, outlet: Outlet) -> None:
        (self._slow if outlet.is_waiting else self._fresh)[outlet] = None
        if outlet.chains is None:
            outlet.chains = set()
        outlet.chains.add(self)

    def remove(self, outlet: Outlet) -> None:
        for members in (self.members, self._fresh, self._slow):
            members.pop(outlet, None)
        if outlet.chains is not None:
            outlet.chains.discard(self)

    def stall(self, outlet: Outlet) -> None:
        self.members.pop(outlet, None)
        self._fresh.pop(outlet, None)
        self._slow[outlet] = None

    def publish(self, item: Item, base: bytes | None) -> None:
        if self.members or self._fresh_has_base:
            frame = self.form.chained(item, None if base is None else item.patch_from(base))
            if self.members:
                self._pending.append(frame)
            if self._fresh_has_base:
                self._fresh_pending.append(frame)
        if self._fresh and not self._fresh_has_base:
            self._fresh_pending.append(self.form.chained(item, None))
            self._fresh_has_base = True
        if self._slow:
            self._slow_pending.append(self.form.publication(item))
            self._slow_has_base = True

    def tell(self, frame: Frame) -> None:
        for members, pending in (
            (self.members, self._pending),
            (self._fresh, self._fresh_pending),
            (self._slow, self._slow_pending),
        ):
            if members:
                pending.append(frame)

    def batches(self) -> Iterable[Batch]:
        taken = [
            (tuple(members), tuple(pending))
            for members, pending in (
                (self.members, self._pending),
                (self._fresh, self._fresh_pending),
                (self._slow, self._slow_pending),
            )
            if pending
        ]
        self._pending.clear()
        self._fresh_pending.clear()
        self._slow_pending.clear()
        if self._fresh_has_base:
            self.members |= self._fresh
            self._fresh.clear()
            self._fresh_has_base = False
        if self._slow_has_base:
            self._catch_up()
            self._slow_has_base = False
        return taken

    def _catch_up(self) -> None:
        for outlet in tuple(self._slow):
            if not outlet.is_waiting:
                del self._slow[outlet]
                self.members[outlet] = None


def group_for(form: Form, *, wants_joins: bool) -> Group:
    return (ChainGroup if form.is_delta else Group)(form, wants_joins=wants_joins)
