"""
`/<stage>`: what happens to documents, for those who may see them. docs/contract/ocr.md, sections 2 and 5. The socket stays open.
"""

from collections.abc import Iterable
from uuid import uuid4

import msgspec

from avance import Avance
from avance.apps.ocr import frames as f
from avance.apps.ocr.catalog import ALL, Catalog, Told, channel_of
from avance.apps.ocr.errors import DocumentUnknown
from avance.apps.ocr.settings import OcrSettings
from avance.dialect import (
    CLOSE_RATE,
    CLOSE_REFUSED,
    CLOSE_UNKNOWN,
    Close,
    Dialect,
    Do,
    Effect,
    Event,
    Send,
    Visit,
    Watch,
    speaks,
)
from avance.web import Identity

HELD_MAX = 1_000
FRAMES_PER_S = 100.0
FRAMES_BURST = 200.0


@speaks(sends=f.SENDS, takes=f.TAKES)
def speak(host: Avance) -> Dialect:
    """
    The documents that the caller may see, as they change.
    """
    return Documents(host)


class Documents(Dialect):
    """
    One connection.
    """

    def __init__(self, host: Avance) -> None:
        self._host = host
        self._settings = host.settings.section(OcrSettings)
        self._catalog = Catalog(host.records)
        self._identity: Identity | None = None
        self._channel = ""
        self._held: list[Event] | None = None
        """What happens while the first state is read."""
        self._versions: dict[str, int] = {}
        """Told with the first state."""
        self._left = FRAMES_BURST
        self._left_at_s = host.clock.monotonic_s()

    def opened(self, visit: Visit) -> Iterable[Effect]:
        if visit.path["stage"] != self._settings.stage:
            return [Close(*CLOSE_UNKNOWN)]
        if visit.identity is None:
            return [Close(*CLOSE_REFUSED)]
        self._identity = visit.identity
        greeting = f.ConnectionEstablished(
            message="Connected to OCR service", connection_id=str(uuid4()), timestamp=self._now()
        )
        return [Send(f.encode(greeting))]

    def heard(self, text: str) -> Iterable[Effect]:
        if self._identity is None:
            return []
        if not self._may_speak():
            return [Close(*CLOSE_RATE)]
        try:
            frame = f.read(text)
        except msgspec.MsgspecError as error:
            return [self._error(f"Message not understood: {str(error)[:200]}")]
        match frame:
            case f.Ping():
                return [Send(f.encode(f.Pong(timestamp=self._now())))]
            case f.SubscribeDocuments():
                return self._subscribe(self._identity)
            case f.GetDocumentStatus():
                return self._ask(self._identity, frame.document_id)

    def happened(self, channel: str, event: Event) -> Iterable[Effect]:
        if channel != self._channel or event.get("type") != "document":
            return []
        if self._held is None:
            return self._tell(event)
        self._held.append(event)
        # It comes back and reads a newer state.
        return [Close(1001, "too much at once")] if len(self._held) > HELD_MAX else []

    def _subscribe(self, identity: Identity) -> Iterable[Effect]:
        confirmed = f.SubscriptionConfirmed(
            message="Subscribed to document updates", timestamp=self._now()
        )
        yield Send(f.encode(confirmed))
        is_new = not self._channel
        self._channel = (
            ALL if identity.is_admin else channel_of(identity.user, identity.tenant or "")
        )
        if self._held is None:
            self._held = []
        if is_new:
            yield Watch(self._channel)
        yield Do(lambda: self._first(identity))

    async def _first(self, identity: Identity) -> Iterable[Effect]:
        since_ms = self._host.clock.now_ms() - round(self._settings.recent_s * 1000)
        recent = await self._catalog.recent(
            identity, since_ms=since_ms, limit=self._settings.recent_max
        )
        self._versions = {one.document.id: one.version for one in recent}
        effects: list[Effect] = [Send(f.update_of(one.document)) for one in recent]
        held, self._held = self._held or [], None
        for event in held:
            effects += self._tell(event)
        return effects

    def _tell(self, event: Event) -> Iterable[Effect]:
        told = msgspec.convert(event, Told)
        identity = self._identity
        assert identity is not None
        if identity.is_admin and identity.tenant is not None and identity.tenant != told.tenant:
            return []
        if told.version <= self._versions.get(told.document_id, 0):
            return []
        return [Send(f.update_of(told.document))]

    def _ask(self, identity: Identity, document_id: str | None) -> Iterable[Effect]:
        if not document_id:
            return [self._error("get_document_status needs a documentId")]
        return [Do(lambda: self._answer(identity, document_id))]

    async def _answer(self, identity: Identity, document_id: str) -> Iterable[Effect]:
        try:
            stored = await self._catalog.seen(identity, document_id)
        except DocumentUnknown:
            return [Send(f.unknown(document_id, self._now()))]
        return [Send(f.status_of(stored.document, self._now()))]

    def _error(self, message: str) -> Send:
        return Send(f.encode(f.Error(message=message, timestamp=self._now())))

    def _now(self) -> str:
        return f.iso_z(self._host.clock.now_ms())

    def _may_speak(self) -> bool:
        if self._host.is_open_to_all:
            return True
        now_s = self._host.clock.monotonic_s()
        self._left = min(FRAMES_BURST, self._left + (now_s - self._left_at_s) * FRAMES_PER_S)
        self._left_at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
