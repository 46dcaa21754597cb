from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from avance.hub.forms import Frame, Link
from avance.hub.limits import HubLimits
from avance.hub.outbox import Outbox

if TYPE_CHECKING:
    from avance.hub.group import ChainGroup


class Owner(Protocol):
    """
    Whose connection it is.
    """

    def too_slow(self) -> None:
        """
        More waits for the connection than may: close it.
        """

    def out_of_step(self, channel: str) -> None:
        """
        The channel went where this subscriber cannot follow (another epoch, lost history); the hub has dropped it.
        """


class Desk(Protocol):
    """
    What an outlet needs of its hub.
    """

    limits: HubLimits

    def flush(self) -> None:
        """
        Write what is published and not yet written.
        """

    def defer(self, call: Callable[[], None]) -> None:
        """
        Call in the next step of the loop.
        """


class Outlet:
    """
    The hub's end of one connection.
    """

    __slots__ = ("_desk", "_is_held", "_outbox", "batch", "chains", "is_dead", "link", "owner")

    def __init__(self, link: Link, owner: Owner, desk: Desk) -> None:
        self.link = link
        self.owner = owner
        self._desk = desk
        self._outbox: Outbox | None = None
        self.batch: tuple[Frame, ...] | None = None
        """What the flush under way has gathered for it."""
        self.chains: set[ChainGroup] | None = None
        """Groups that send it patches, which a connection that waits cannot take."""
        self.is_dead = False
        self._is_held = False

    @property
    def is_waiting(self) -> bool:
        """
        Whether frames wait for the link.
        """
        return self._outbox is not None

    def send(self, frames: Sequence[Frame]) -> None:
        """
        Write at once, or keep until the link takes more.
        """
        if self._outbox is None:
            if self.link.is_writable:
                self.link.write(frames)
                return
            if self.is_dead:
                return
            self._stall()
        self._keep(frames)

    def resume(self) -> None:
        """
        The link takes more.
        """
        outbox = self._outbox
        if outbox is None or self._is_held:
            return
        while len(outbox) and self.link.is_writable:
            self.link.write(outbox.take())
        if not len(outbox):
            self._outbox = None

    def hold(self) -> None:
        """
        Keep everything back until `release`.
        """
        self._is_held = True
        if self._outbox is None:
            self._outbox = Outbox(self._desk.limits)

    def release(self, first: Sequence[Frame]) -> None:
        """
        Write these before everything that was kept back.
        """
        self._is_held = False
        if first:
            self.link.write(first)
        self.resume()

    def die(self) -> None:
        """
        Nothing more goes out.
        """
        self.is_dead = True
        self._outbox = None
        self.batch = None

    def _stall(self) -> None:
        # What is published and not yet written goes first, so that no patch stays behind when the member changes its group.
        self._desk.flush()
        if self._outbox is None:
            self._outbox = Outbox(self._desk.limits)
        for group in self.chains or ():
            group.stall(self)

    def _keep(self, frames: Sequence[Frame]) -> None:
        outbox = self._outbox
        if outbox is None:
            return
        for frame in frames:
            outbox.add(frame)
        if outbox.is_over:
            self.die()
            # Not now: this may be in the middle of a flush, and closing publishes that somebody left.
            self._desk.defer(self.owner.too_slow)
