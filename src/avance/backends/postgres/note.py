"""
What nodes tell each other through NOTIFY: texts of less than 8,000 bytes.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import Connection

from avance.model.stream import Publication

TOPIC = "avance"
"""The channel of PostgreSQL that every node listens to."""


class Note(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    sender: str = ""
    """Nobody's, of a transaction that is not ours, is heard by all."""
    node: str | None = None
    topic: str | None = None
    """Of a letter; otherwise it tells of a channel."""
    channel: str = ""
    epoch: str = ""
    offset: int = 0
    conflate: str | None = None
    text: str | None = None
    """The bytes, where they are text."""
    body: bytes | None = None
    """The bytes, where they are not."""
    letter_id: int | None = None
    """Where bytes lie that are too large."""


QUEUE = Note(topic="queue")

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Note).decode


def with_bytes(note: Note, data: bytes, most: int) -> Note | None:
    """
    The note with bytes, or None if they are too large for it.
    """
    if len(data) > most:
        return None
    try:
        full = msgspec.structs.replace(note, text=data.decode())
    except UnicodeDecodeError:
        full = msgspec.structs.replace(note, body=data)
    return full if len(encode(full)) <= most else None


def of_publication(sender: str, publication: Publication, most: int) -> Note:
    """
    Tell of an event; one that is too large is read from the store.
    """
    note = Note(
        sender=sender,
        channel=publication.channel,
        epoch=publication.epoch,
        offset=publication.offset,
        conflate=publication.conflate,
    )
    return with_bytes(note, publication.data, most) or note


def bytes_of(note: Note) -> bytes | None:
    return note.text.encode() if note.text is not None else note.body


def notify(connection: Connection[Any], sender: str, notes: Sequence[Note]) -> None:
    """
    Tell with the transaction: if it is rolled back, nobody hears.
    """
    texts = [encode(msgspec.structs.replace(note, sender=sender)).decode() for note in notes]
    connection.execute("SELECT pg_notify(%s, text) FROM unnest(%s::text[]) AS text", (TOPIC, texts))
