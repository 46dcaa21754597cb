import asyncio
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import msgspec

from avance.backends.sqlite.database import SqliteDatabase
from avance.backends.sqlite.letter import HINT, LETTER, PUBLICATION, LetterRow, write_letters
from avance.backends.sqlite.writer import Transaction
from avance.errors import Unavailable
from avance.model.stream import Publication
from avance.ports.bus import Bus, Hint, Letter, Receive
from avance.ports.receivers import Receivers
from avance.ports.store import Durability

log = logging.getLogger(__name__)

_LETTERS_A_READ_MAX = 1_000
_QUEUE = Letter(node=None, topic="queue")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Publication).decode


class SqliteBus(Bus):
    """
    Delivers within this process at once, and to others that have the same file open through the file itself: a commit leaves hints of
    what it appended and of jobs that it queued, as long as there is somebody to read them.
    """

    def __init__(self, database: SqliteDatabase, *, node: str | None = None) -> None:
        """
        Args:
            node: Letters for another node are left out; without a name every letter is delivered.
        """
        self.database = database
        self._node = node
        self._receivers = Receivers()
        self._watched: set[str] = set()
        self._last = 0
        self._is_open = False
        self._is_reading = False
        self._has_news = False

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        self._last = await self.database.read(_newest)
        self._is_open = True
        self.database.on_foreign_write(self._hear_foreign)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        self.database.forget_listener(self._hear_foreign)
        await self.database.__aexit__()

    def attach(self, receive: Receive) -> None:
        self._receivers.add(receive)

    def publish(self, publications: Sequence[Publication]) -> None:
        self._receivers.tell(
            Hint(channel=publication.channel, publication=publication)
            for publication in publications
        )
        if not self.database.has_company:
            return
        # What has an offset is in the store, and its commit has left a hint.
        self._post(
            [
                (PUBLICATION, None, publication.channel, _encode(publication))
                for publication in publications
                if publication.offset == 0
            ]
        )

    def send(self, letter: Letter) -> None:
        if self._is_for_me(letter.node):
            self._receivers.tell([letter])
        if letter.node is None or letter.node != self._node:
            self._post([(LETTER, letter.node, letter.topic, letter.body)])

    def watch(self, channel: str, *, is_watched: bool) -> None:
        if is_watched:
            self._watched.add(channel)
        else:
            self._watched.discard(channel)

    def _is_for_me(self, node: str | None) -> bool:
        return node is None or self._node is None or node == self._node

    def _post(self, letters: list[LetterRow]) -> None:
        if not letters or not self._is_open or not self.database.has_company:
            return
        try:
            posted = self.database.write(
                partial(_leave, self.database.node, letters),
                durability=Durability.NORMAL,
                checks_first=True,
            )
        except Unavailable as refusal:
            log.warning("%d letters to other processes are dropped: %s", len(letters), refusal)
            return
        posted.add_done_callback(_warn)

    def _hear_foreign(self) -> None:
        self._has_news = True
        if self._is_reading or not self._is_open:
            return
        self._has_news, self._is_reading = False, True
        self.database.read(partial(_read, self._last)).add_done_callback(self._take)

    def _take(self, reading: "asyncio.Future[_News]") -> None:
        self._is_reading = False
        if _warn(reading):
            return
        news = reading.result()
        first = news.letters[0].id if news.letters else news.newest + 1
        if first > self._last + 1:
            # Some were removed before they were read.
            self._receivers.tell([*(Hint(channel=channel) for channel in self._watched), _QUEUE])
        self._last = news.letters[-1].id if news.letters else news.newest
        self._receivers.tell(self._messages(news))
        if self._has_news or len(news.letters) == _LETTERS_A_READ_MAX:
            self._hear_foreign()

    def _messages(self, news: "_News") -> Iterator[Hint | Letter]:
        if news.has_outbox:
            yield _QUEUE
        for letter in news.letters:
            if letter.sender == self.database.node:
                continue
            if letter.kind == HINT:
                if letter.subject in self._watched:
                    yield Hint(channel=letter.subject)
            elif letter.kind == PUBLICATION:
                if letter.subject in self._watched:
                    yield Hint(channel=letter.subject, publication=_decode(letter.body))
            elif self._is_for_me(letter.node):
                yield Letter(node=letter.node, topic=letter.subject, body=letter.body)


class _Read(NamedTuple):
    id: int
    sender: str
    kind: str
    node: str | None
    subject: str
    body: bytes


class _News(NamedTuple):
    letters: list[_Read]
    newest: int
    has_outbox: bool


def _read(last: int, connection: sqlite3.Connection) -> _News:
    rows = connection.execute(
        "SELECT id, sender, kind, node, subject, body FROM letters WHERE id > ? ORDER BY id LIMIT ?",
        (last, _LETTERS_A_READ_MAX),
    ).fetchall()
    (has_outbox,) = connection.execute("SELECT EXISTS (SELECT 1 FROM outbox)").fetchone()
    return _News([_Read(*row) for row in rows], _newest(connection), bool(has_outbox))


def _newest(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'letters'").fetchone()
    return 0 if row is None else int(row[0])


def _leave(sender: str, letters: list[LetterRow], transaction: Transaction) -> None:
    transaction.ledger.flush()
    write_letters(transaction.connection, sender, letters)


def _warn(done: "asyncio.Future[Any]") -> bool:
    """
    True if it failed; said in the log, since the store repairs what a bus drops.
    """
    if done.cancelled():
        return True
    error = done.exception()
    if error is not None:
        log.warning("news of other processes are dropped: %s", error)
    return error is not None
