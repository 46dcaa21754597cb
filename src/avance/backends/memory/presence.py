import heapq
from collections.abc import Mapping

from avance.ports.clock import Clock
from avance.ports.presence import Member, Presence


class MemoryPresence(Presence):
    """
    Within this process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._channels: dict[str, dict[str, tuple[float, Member]]] = {}
        self._ends: list[tuple[float, str, str]] = []

    async def join(self, channel: str, member: Member, *, ttl_s: float) -> None:
        self._forget_ended()
        end_s = self._clock.monotonic_s() + ttl_s
        self._channels.setdefault(channel, {})[member.client] = (end_s, member)
        heapq.heappush(self._ends, (end_s, channel, member.client))

    async def leave(self, channel: str, client: str) -> None:
        self._forget_ended()
        self._remove(channel, client)

    async def members(self, channel: str) -> Mapping[str, Member]:
        self._forget_ended()
        return {client: member for client, (_, member) in self._channels.get(channel, {}).items()}

    def _forget_ended(self) -> None:
        now_s = self._clock.monotonic_s()
        while self._ends and self._ends[0][0] <= now_s:
            _, channel, client = heapq.heappop(self._ends)
            entry = self._channels.get(channel, {}).get(client)
            if entry is not None and entry[0] <= now_s:
                self._remove(channel, client)

    def _remove(self, channel: str, client: str) -> None:
        members = self._channels.get(channel)
        if members is None:
            return
        members.pop(client, None)
        if not members:
            del self._channels[channel]
