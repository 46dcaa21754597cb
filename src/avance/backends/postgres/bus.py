import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

import msgspec
import psycopg
from psycopg import AsyncConnection, Connection

from avance.backends.postgres.connection import arguments
from avance.backends.postgres.database import PostgresDatabase
from avance.backends.postgres.note import (
    QUEUE,
    TOPIC,
    Note,
    bytes_of,
    decode,
    notify,
    of_publication,
    with_bytes,
)
from avance.backends.postgres.presence import PostgresPresence
from avance.backends.postgres.unit import Unit
from avance.errors import Unavailable
from avance.model.stream import Publication
from avance.ports.bus import Bus, Hint, Letter, Receive
from avance.ports.clock import Clock
from avance.ports.presence import Presence
from avance.ports.receivers import Receivers

log = logging.getLogger(__name__)

_BATCH_MAX = 500

Outgoing = tuple[Note, bytes]


class PostgresBus(Bus):
    """
    Delivers within this process at once, and to other nodes with NOTIFY: a commit tells of what it appended in its own transaction, so
    that nobody hears of what was not written, and nothing is written of which nobody hears.
    """

    def __init__(self, database: PostgresDatabase, *, node: str | None = None) -> None:
        """
        Args:
            node: Letters for another node are left out; without a name every letter is delivered.
        """
        self.database = database
        self._node = node
        self._receivers = Receivers()
        self._watched: set[str] = set()
        self._outgoing: deque[Outgoing] = deque()
        self._news = asyncio.Event()
        self._listening = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []
        self._trouble: str | None = None
        self._has_complained = False
        self._is_open = False

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        self.database.tells += 1
        await self._tasks.__aenter__()
        self._loops = [
            self._tasks.create_task(self._listen()),
            self._tasks.create_task(self._send()),
        ]
        self._is_open = True
        try:
            async with asyncio.timeout(self.database.limits.connect_timeout_s):
                await self._listening.wait()
        except TimeoutError:
            log.warning("news of other nodes come late: %s", self._trouble)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        self.database.tells -= 1
        for loop in self._loops:
            loop.cancel()
        await self._tasks.__aexit__(None, None, None)
        if self._outgoing:
            await self._deliver_last()
        await self.database.__aexit__()

    @property
    def problems(self) -> Sequence[str]:
        """
        Why other nodes are heard of late, if so.
        """
        return () if self._trouble is None else (self._trouble,)

    @property
    def waiting(self) -> int:
        """
        How many letters have not gone out yet.
        """
        return len(self._outgoing)

    def presence(self, clock: Clock) -> Presence:
        """
        Who watches, over all nodes of the database.
        """
        return PostgresPresence(self.database, clock)

    def attach(self, receive: Receive) -> None:
        self._receivers.add(receive)

    def publish(self, publications: Sequence[Publication]) -> None:
        self._receivers.tell(
            Hint(channel=publication.channel, publication=publication)
            for publication in publications
        )
        # What has an offset is in the store, and its commit has told of it.
        for publication in publications:
            if publication.offset == 0:
                most = self.database.limits.notify_bytes_max
                self._post(of_publication(self.database.node, publication, most), publication.data)

    def send(self, letter: Letter) -> None:
        if self._is_for_me(letter.node):
            self._receivers.tell([letter])
        if letter.node is None or letter.node != self._node:
            note = Note(node=letter.node, topic=letter.topic)
            most = self.database.limits.notify_bytes_max
            self._post(with_bytes(note, letter.body, most) or note, letter.body)

    def watch(self, channel: str, *, is_watched: bool) -> None:
        if is_watched:
            self._watched.add(channel)
        else:
            self._watched.discard(channel)

    def _is_for_me(self, node: str | None) -> bool:
        return node is None or self._node is None or node == self._node

    # To others.

    def _post(self, note: Note, data: bytes) -> None:
        if not self._is_open:
            return
        if len(self._outgoing) >= self.database.limits.outgoing_messages_max:
            self._outgoing.popleft()
            self._complain("letters to other nodes are dropped: too many wait")
        self._outgoing.append((note, data))
        self._news.set()

    async def _send(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._outgoing:
                await self._send_some()

    async def _send_some(self) -> None:
        batch = [self._outgoing.popleft() for _ in range(min(len(self._outgoing), _BATCH_MAX))]
        try:
            await self.database.write(partial(_leave, self.database.node, batch))
        except (Unavailable, psycopg.Error) as error:
            # A hint may be lost; whoever listens again looks at all that it watches.
            self._complain(f"letters to other nodes are dropped: {error}")
        else:
            self._has_complained = False

    async def _deliver_last(self) -> None:
        await self._send_some()

    def _complain(self, what: str) -> None:
        # Once until one went out, not for each letter.
        if not self._has_complained:
            self._has_complained = True
            log.warning(what)

    # From others.

    async def _listen(self) -> None:
        pauses_s = self.database.limits.reconnect_s
        tries = 0
        while True:
            try:
                async with self._connection() as connection:
                    await connection.execute(f"LISTEN {TOPIC}")
                    if self._listening.is_set():
                        self._look_at_all()
                    self._listening.set()
                    self._trouble, tries = None, 0
                    await self._hear(connection)
            except (psycopg.Error, OSError, TimeoutError) as error:
                told = str(error).strip().partition("\n")[0] or type(error).__name__
                if self._trouble is None:
                    log.warning("other nodes are heard of late, no connection listens: %s", told)
                self._trouble = f"no connection listens to other nodes: {told}"
            await asyncio.sleep(pauses_s[min(tries, len(pauses_s) - 1)])
            tries += 1

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        options = arguments(self.database.url, self.database.limits)
        connection = await AsyncConnection.connect(**options, autocommit=True)
        try:
            yield connection
        finally:
            await connection.close()

    async def _hear(self, connection: AsyncConnection[Any]) -> None:
        silence_s = self.database.limits.silence_s
        while True:
            async for notification in connection.notifies(timeout=silence_s):
                await self._take(notification.payload)
            async with asyncio.timeout(silence_s):
                await connection.execute("SELECT 1")

    async def _take(self, payload: str) -> None:
        try:
            note = decode(payload)
        except msgspec.MsgspecError:
            log.warning("a notification on %s is not ours: %.100s", TOPIC, payload)
            return
        if note.sender == self.database.node:
            return
        data = bytes_of(note)
        if note.letter_id is not None:
            data = await self._letter(note.letter_id)
        if note.topic is not None:
            if self._is_for_me(note.node):
                self._receivers.tell([Letter(node=note.node, topic=note.topic, body=data or b"")])
        elif note.channel in self._watched:
            self._receivers.tell([_hint(note, data)])

    async def _letter(self, letter_id: int) -> bytes | None:
        try:
            return await self.database.read(partial(_read_letter, letter_id))
        except Unavailable as error:
            self._complain(f"a letter of another node is lost: {error}")
            return None

    def _look_at_all(self) -> None:
        """
        What was told while nobody listened is found in the store.
        """
        self._receivers.tell(
            [
                *(Hint(channel=channel) for channel in tuple(self._watched)),
                Letter(node=None, topic=QUEUE.topic or ""),
            ]
        )


def _hint(note: Note, data: bytes | None) -> Hint:
    if data is None:
        return Hint(channel=note.channel)
    publication = Publication(
        channel=note.channel,
        epoch=note.epoch,
        offset=note.offset,
        data=data,
        conflate=note.conflate,
    )
    return Hint(channel=note.channel, publication=publication)


def _leave(sender: str, batch: Sequence[Outgoing], unit: Unit) -> None:
    # Told and forgotten: it need not wait for the disk.
    unit.connection.execute("SET LOCAL synchronous_commit = off")
    notes = []
    for note, data in batch:
        is_whole = bytes_of(note) is not None
        notes.append(note if is_whole else _put_aside(note, data, unit))
    notify(unit.connection, sender, notes)


def _put_aside(note: Note, data: bytes, unit: Unit) -> Note:
    row = unit.connection.execute(
        "INSERT INTO letters (body) VALUES (%s) RETURNING id", (data,)
    ).fetchone()
    return msgspec.structs.replace(note, letter_id=None if row is None else row[0])


def _read_letter(letter_id: int, connection: Connection[Any]) -> bytes | None:
    row = connection.execute(
        "SELECT body FROM letters WHERE id = %s", (letter_id,), binary=True
    ).fetchone()
    return None if row is None else bytes(row[0])
