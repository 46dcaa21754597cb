"""
Many rows in few statements: each step of a statement hands the interpreter over to the other threads and back.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain

_CHUNKS = (64, 16, 4, 1)


def insert_many(
    connection: sqlite3.Connection,
    head: str,
    rows: Sequence[tuple[object, ...]],
    tail: str = "",
) -> None:
    """
    Run `INSERT INTO … VALUES` for all rows.
    """
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            statement = _statement(head, tail, len(chunk[0]), size)
            connection.execute(statement, tuple(chain.from_iterable(chunk)))
            start += size


@cache
def _statement(head: str, tail: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{head} {', '.join([row] * rows)} {tail}"
