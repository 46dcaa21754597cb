from collections.abc import Mapping, Sequence

from avance.errors import AvanceError, InvalidRequest, NotFound
from avance.hub.item import wrap
from avance.hub.limits import HubLimits
from avance.hub.namespaces import Namespace, Namespaces
from avance.model.stream import Append, Position, Publication
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.store import Commit, Durability, Store
from avance.protocol.channel import is_valid
from avance.protocol.messages import ClientInfo

NOWHERE = Position(epoch="", offset=0)
"""Where a publication stands that is kept nowhere."""


class Publisher:
    """
    Publishes what an app or a client says in a channel; events of jobs and notifications are written by their own writers.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        namespaces: Namespaces,
        limits: HubLimits | None = None,
        *,
        durability: Durability = Durability.FULL,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._namespaces = namespaces
        self._limits = limits or HubLimits()
        self._durability = durability
        self._known: dict[tuple[str, str], tuple[float, Position]] = {}
        """What was published with an idempotency key, the oldest first; of this node."""

    async def publish(
        self,
        channel: str,
        data: bytes,
        *,
        info: ClientInfo | None = None,
        tags: Mapping[str, str] | None = None,
        conflate: str | None = None,
        skip_history: bool = False,
        idempotency_key: str | None = None,
    ) -> Position:
        """
        Publish one JSON value, which stands on one line (`protocol.payload.checked_payload`).

        Args:
            info: The client that says it.
            conflate: Of what has this key, a slow reader gets only the newest.
            skip_history: Tell who listens now, and keep nothing.
            idempotency_key: Repeated within five minutes it publishes nothing and answers the first position.

        Raises:
            NotFound: There is no such namespace.
            InvalidRequest: That is no name of a channel.
            Unavailable: The store cannot write now.
        """
        # What `broadcast` does with one channel, without its bookkeeping, which takes as long again.
        namespace = self._namespace(channel)
        known = self._recall(channel, idempotency_key)
        if known is not None:
            return known
        is_kept = not (namespace.is_ephemeral or skip_history)
        time_ms = self._clock.now_ms() if is_kept and namespace.history_ttl_s is not None else 0
        body = wrap(data, info=info, tags=tags, time_ms=time_ms)
        position = NOWHERE
        if is_kept:
            append = Append(channel=channel, body=body, is_stamped=False, conflate=conflate)
            (told,) = await self._store.commit(
                Commit(appends=(append,), durability=self._durability)
            )
            position = Position(epoch=told.epoch, offset=told.offset)
        else:
            told = Publication(channel=channel, epoch="", offset=0, data=body, conflate=conflate)
        self._bus.publish([told])
        self._remember(channel, idempotency_key, position)
        return position

    async def broadcast(
        self,
        channels: Sequence[str],
        data: bytes,
        *,
        info: ClientInfo | None = None,
        tags: Mapping[str, str] | None = None,
        conflate: str | None = None,
        skip_history: bool = False,
        idempotency_key: str | None = None,
    ) -> Sequence[Position | AvanceError]:
        """
        Publish the same to many channels, in one commit where it is kept. Each channel has an answer of its own: its position, or what
        `publish` would raise.
        """
        answers: dict[int, Position | AvanceError] = {}
        told: list[Publication] = []
        kept: dict[int, Append] = {}
        bodies: dict[bool, bytes] = {}
        firsts: dict[str, int] = {}
        for index, channel in enumerate(channels):
            if idempotency_key and firsts.setdefault(channel, index) != index:
                continue
            try:
                namespace = self._namespace(channel)
            except AvanceError as error:
                answers[index] = error
                continue
            known = self._recall(channel, idempotency_key)
            if known is not None:
                answers[index] = known
                continue
            is_kept = not (namespace.is_ephemeral or skip_history)
            has_time = is_kept and namespace.history_ttl_s is not None
            body = bodies.get(has_time)
            if body is None:
                time_ms = self._clock.now_ms() if has_time else 0
                body = bodies[has_time] = wrap(data, info=info, tags=tags, time_ms=time_ms)
            if is_kept:
                kept[index] = Append(
                    channel=channel, body=body, is_stamped=False, conflate=conflate
                )
            else:
                told.append(
                    Publication(channel=channel, epoch="", offset=0, data=body, conflate=conflate)
                )
                answers[index] = NOWHERE
                self._remember(channel, idempotency_key, NOWHERE)
        if told:
            self._bus.publish(told)
        if kept:
            answers |= await self._keep(kept, idempotency_key)
        return [
            answers[index if index in answers else firsts[channel]]
            for index, channel in enumerate(channels)
        ]

    def _namespace(self, channel: str) -> Namespace:
        if not is_valid(channel):
            raise InvalidRequest(
                f"{channel!r} is no name of a channel; use 1 to 255 printable bytes"
            )
        namespace = self._namespaces.of(channel)
        if namespace is None:
            raise NotFound(f"channel {channel!r} is in no known namespace")
        return namespace

    async def _keep(
        self, kept: Mapping[int, Append], idempotency_key: str | None
    ) -> dict[int, Position | AvanceError]:
        commit = Commit(appends=tuple(kept.values()), durability=self._durability)
        try:
            publications = await self._store.commit(commit)
        except AvanceError as error:
            return dict.fromkeys(kept, error)
        self._bus.publish(publications)
        answers: dict[int, Position | AvanceError] = {}
        for index, one in zip(kept, publications, strict=True):
            answers[index] = position = Position(epoch=one.epoch, offset=one.offset)
            self._remember(one.channel, idempotency_key, position)
        return answers

    def _recall(self, channel: str, key: str | None) -> Position | None:
        oldest_s = self._clock.monotonic_s() - self._limits.idempotency_s
        while self._known:
            first, (published_s, _) = next(iter(self._known.items()))
            if published_s > oldest_s and len(self._known) < self._limits.idempotency_keys_max:
                break
            del self._known[first]
        known = self._known.get((channel, key)) if key else None
        return None if known is None else known[1]

    def _remember(self, channel: str, key: str | None, position: Position) -> None:
        if key:
            self._known[(channel, key)] = (self._clock.monotonic_s(), position)
