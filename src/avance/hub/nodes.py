import logging
from collections.abc import Callable, Iterable

import msgspec

from avance.hub.letters import (
    TOPIC,
    AnyLetter,
    Disconnect,
    Emulate,
    Pulse,
    Refresh,
    Revoke,
    Subscribe,
    Unsubscribe,
    open_letter,
    seal,
)
from avance.hub.limits import HubLimits
from avance.hub.roster import Resident, Roster
from avance.ports.bus import Bus, Letter
from avance.ports.clock import Clock
from avance.protocol.codes import DISCONNECT_INVALID_TOKEN, DisconnectCode, UnsubscribeCode

log = logging.getLogger(__name__)


class Nodes:
    """
    What this node asks of the others and does when it is asked. Every node acts on its own connections, this one included.
    """

    def __init__(
        self,
        name: str,
        bus: Bus,
        clock: Clock,
        roster: Roster,
        limits: HubLimits,
        count: Callable[[], tuple[int, int]],
    ) -> None:
        self.name = name
        self._bus = bus
        self._clock = clock
        self._roster = roster
        self._limits = limits
        self._count = count
        """Watched channels, and their subscribers."""
        self._started_s = clock.monotonic_s()
        self._heard: dict[str, tuple[float, Pulse]] = {}

    def ask(self, letter: AnyLetter, *, node: str | None = None) -> None:
        """
        Tell one node, or all.
        """
        if node == self.name:
            self._act(letter)
        else:
            self._bus.send(Letter(node=node, topic=TOPIC, body=seal(letter)))

    def is_known(self, node: str) -> bool:
        """
        Whether letters to this node find somebody.
        """
        return node == self.name or any(pulse.node == node for pulse in self.alive())

    def alive(self) -> tuple[Pulse, ...]:
        """
        This node and those that were heard lately.
        """
        oldest_s = self._clock.monotonic_s() - self._limits.node_lost_s
        for node, (heard_s, _) in tuple(self._heard.items()):
            if heard_s < oldest_s:
                del self._heard[node]
        return (self._own(), *(pulse for _, pulse in self._heard.values()))

    async def pulse(self) -> None:
        """
        Tell the others that this node lives, until cancelled.
        """
        while True:
            self.ask(self._own())
            await self._clock.sleep(self._limits.node_pulse_s)

    def receive(self, letter: Letter) -> None:
        """
        Do what another node, or this one, asks.
        """
        if letter.topic != TOPIC or letter.node not in (None, self.name):
            return
        try:
            asked = open_letter(letter.body)
        except msgspec.DecodeError as error:
            log.warning("a letter of %d bytes cannot be read: %s", len(letter.body), error)
            return
        self._act(asked)

    def _own(self) -> Pulse:
        channels, subscriptions = self._count()
        return Pulse(
            node=self.name,
            connections=len(self._roster),
            users=self._roster.users,
            channels=channels,
            subscriptions=subscriptions,
            uptime_s=self._clock.monotonic_s() - self._started_s,
        )

    def _act(self, letter: AnyLetter) -> None:
        match letter:
            case Pulse():
                self._hear(letter)
            case Disconnect():
                code = DisconnectCode(code=letter.code, reason=letter.reason)
                for resident in self._meant(letter):
                    if resident.client not in letter.spared:
                        resident.disconnect(code)
            case Revoke():
                for resident in tuple(self._roster):
                    if (
                        letter.user == resident.user
                        or letter.token_id == resident.token_id is not None
                    ):
                        resident.disconnect(DISCONNECT_INVALID_TOKEN)
            case Unsubscribe():
                end = UnsubscribeCode(code=letter.code, reason=letter.reason)
                for resident in self._meant(letter):
                    resident.unsubscribe(letter.channel, end)
            case Subscribe():
                for resident in self._meant(letter):
                    resident.subscribe(letter.channel, letter.data)
            case Refresh():
                for resident in self._meant(letter):
                    resident.refresh(is_expired=letter.is_expired, expires_at_s=letter.expires_at_s)
            case Emulate():
                emulated = self._roster.of_session(letter.session)
                if emulated is not None:
                    emulated.receive(letter.data)

    def _hear(self, pulse: Pulse) -> None:
        if pulse.node == self.name:
            return
        is_new = pulse.node not in self._heard
        self._heard[pulse.node] = (self._clock.monotonic_s(), pulse)
        if is_new:
            # It need not wait for our next pulse to know us.
            self.ask(self._own(), node=pulse.node)

    def _meant(self, letter: Disconnect | Unsubscribe | Subscribe | Refresh) -> Iterable[Resident]:
        if letter.client:
            named = self._roster.of_client(letter.client)
            found = [] if named is None else [named]
        else:
            found = list(self._roster.of_user(letter.user))
        return tuple(
            resident
            for resident in found
            if (not letter.client or letter.user in ("", resident.user))
            and letter.session in ("", resident.session)
        )
