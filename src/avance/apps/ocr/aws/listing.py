"""
Lists of documents, part by part, from one index or from several that are merged: an administrator's documents lie under each status.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from avance.apps.ocr.aws.asked import Caller
from avance.apps.ocr.aws.documents import BY_OWNER, BY_STATUS, Documents
from avance.apps.ocr.errors import BadDocument
from avance.apps.ocr.model import Status

READS_MAX = 10
"""Parts of an index that one list reads; where most are of another status, the list is shorter and says how it goes on."""
Row = Mapping[str, Any]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """
    How far an index was told.
    """

    id: str = ""
    created: str = ""
    is_over: bool = False


Cursor = dict[str, Place]
_cursor = msgspec.json.Decoder(Cursor)


def listed(
    documents: Documents, who: Caller, *, status: Status | None, limit: int, cursor: str | None
) -> tuple[list[Row], str | None]:
    """
    The newest first, and where the list goes on.

    Raises:
        BadDocument: The cursor is none of a list.
    """
    places = {} if cursor is None else _read(cursor)
    statuses = [status] if status is not None else list(Status)
    values = [one.value for one in statuses] if who.is_admin else [who.user]
    index = BY_STATUS if who.is_admin else BY_OWNER
    found: list[tuple[str, Row]] = []
    reached: Cursor = {}
    for value in values:
        place = places.get(value, Place())
        rows, reached[value] = _part(documents, index, value, status, limit, place)
        found += [(value, row) for row in rows]
    found.sort(key=lambda one: (str(one[1]["createdAt"]), str(one[1]["id"])), reverse=True)
    told, left = found[:limit], found[limit:]
    for value in {value for value, _ in left}:
        # What was read and not told is read again: the index goes on after the last one that was told.
        last = [row for source, row in told if source == value]
        reached[value] = _place(last[-1]) if last else places.get(value, Place())
    is_over = all(place.is_over for place in reached.values())
    return [row for _, row in told], None if is_over else _written(reached)


def _part(
    documents: Documents, index: str, value: str, status: Status | None, limit: int, place: Place
) -> tuple[list[Row], Place]:
    rows: list[Row] = []
    for _ in range(READS_MAX):
        if place.is_over or len(rows) >= limit:
            break
        after = {"id": place.id, "createdAt": place.created} if place.id else None
        read, has_more = documents.page(index, value, limit=limit, after=after)
        fitting = [one for one in read if status is None or one["status"] == status.value]
        room = limit - len(rows)
        rows += fitting[:room]
        if len(fitting) > room:
            return rows, _place(rows[-1])
        place = _place(read[-1]) if has_more and read else Place(is_over=not has_more)
    return rows, place


def _place(row: Row) -> Place:
    return Place(id=str(row["id"]), created=str(row["createdAt"]))


def _written(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode()


def _read(text: str) -> Cursor:
    try:
        return _cursor.decode(base64.urlsafe_b64decode(text.encode()))
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError) as error:
        raise BadDocument("cursor is none that a list has given") from error


def rows_of(documents: Documents, who: Caller, *, limit: int) -> Sequence[Row]:
    """
    The newest of a caller's documents, without a cursor.
    """
    rows, _ = listed(documents, who, status=None, limit=limit, cursor=None)
    return rows
