import asyncio
import logging
from collections.abc import Mapping

from avance.errors import Unavailable
from avance.hub.item import Kind, wrap
from avance.hub.limits import HubLimits
from avance.hub.subscription import Subscription
from avance.hub.tasks import Tasks
from avance.model.stream import Publication
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.outage import Outage
from avance.ports.presence import Member, Presence
from avance.protocol.messages import ClientInfo

log = logging.getLogger(__name__)


class Attendance:
    """
    Keeps the entries of this node's subscribers alive, and tells the channel who comes and goes.
    """

    def __init__(
        self, presence: Presence, bus: Bus, clock: Clock, limits: HubLimits, tasks: Tasks
    ) -> None:
        self._presence = presence
        self._bus = bus
        self._clock = clock
        self._limits = limits
        self._tasks = tasks
        self._present: dict[Subscription, float] = {}
        """When each entry is to be refreshed; the earliest first."""
        self._leaving: dict[tuple[str, str], None] = {}
        """Entries to be removed, the oldest first."""
        self.is_leaving = False
        """Whether entries are being removed."""
        self._left: tuple[str, str] | None = None
        self._done: asyncio.Future[None] | None = None

    async def enter(self, subscription: Subscription) -> None:
        """
        Make the entry, before anything else of the subscription is seen.

        Raises:
            Unavailable: Presence cannot be written now.
        """
        wish = subscription.wish
        if wish.member is None or not wish.is_present:
            return
        key = (subscription.channel, wish.member.client)
        # A client that left a moment ago comes back: its old entry must not be removed after the new one was made.
        self._leaving.pop(key, None)
        if self._left == key and self._done is not None:
            await asyncio.shield(self._done)
        await self._presence.join(
            subscription.channel, wish.member, ttl_s=self._limits.presence_ttl_s
        )

    def begin(self, subscription: Subscription) -> None:
        """
        From here on the entry is kept and the channel knows.
        """
        wish = subscription.wish
        if wish.is_present:
            refresh_s = self._limits.presence_refresh_s
            self._present[subscription] = self._clock.monotonic_s() + refresh_s
        self._announce(subscription, Kind.JOIN)

    def end(self, subscription: Subscription) -> None:
        """
        The subscriber is gone.
        """
        self._present.pop(subscription, None)
        self.forget(subscription)
        self._announce(subscription, Kind.LEAVE)

    def forget(self, subscription: Subscription) -> None:
        """
        Remove the entry; in the background, in order.
        """
        member = subscription.wish.member
        if member is None or not subscription.wish.is_present:
            return
        self._leaving[(subscription.channel, member.client)] = None
        if not self.is_leaving:
            self.is_leaving = True
            self._tasks.spawn(self._leave())

    async def members(self, channel: str) -> Mapping[str, Member]:
        """
        Everybody in a channel, over all nodes, by client.
        """
        return await self._presence.members(channel)

    async def keep(self) -> None:
        """
        Refresh entries until cancelled.
        """
        outage = Outage(log, "presence cannot be refreshed")
        while True:
            await self._clock.sleep(1.0)
            # The entries live longer than two refreshes, so the next round comes in time.
            with outage:
                await self._refresh()

    async def _refresh(self) -> None:
        now_s = self._clock.monotonic_s()
        while self._present:
            subscription, due_s = next(iter(self._present.items()))
            if due_s > now_s:
                break
            # Moved to the end, so that the order stays that of the due times.
            del self._present[subscription]
            self._present[subscription] = now_s + self._limits.presence_refresh_s
            await self.enter(subscription)
            if subscription not in self._present:
                self.forget(subscription)

    async def _leave(self) -> None:
        try:
            while self._leaving:
                self._left = next(iter(self._leaving))
                del self._leaving[self._left]
                self._done = asyncio.get_running_loop().create_future()
                try:
                    await self._presence.leave(*self._left)
                except Unavailable as error:
                    log.warning("an entry ends only by its time to live: %s", error)
                finally:
                    self._done.set_result(None)
        finally:
            self._left = None
            self.is_leaving = False

    def _announce(self, subscription: Subscription, kind: Kind) -> None:
        wish = subscription.wish
        member = wish.member
        if member is None or not wish.is_announced:
            return
        info = ClientInfo(
            user=member.user,
            client=member.client,
            conn_info=member.conn_info or b"",
            chan_info=member.chan_info or b"",
        )
        # Over the bus like a publication without a position, so that only nodes which watch the channel hear of it.
        body = wrap(b"", kind=kind, info=info)
        self._bus.publish(
            [Publication(channel=subscription.channel, epoch="", offset=0, data=body)]
        )
