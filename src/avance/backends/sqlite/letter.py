"""
Rows by which processes that share a file tell each other what is new.
"""

import sqlite3
from collections.abc import Sequence

from avance.backends.sqlite.rows import insert_many

HINT = "hint"
PUBLICATION = "publication"
LETTER = "letter"

LetterRow = tuple[str, str | None, str, bytes]
"""Kind, node, channel or topic, body."""


def write_letters(
    connection: sqlite3.Connection, sender: str, letters: Sequence[LetterRow]
) -> None:
    insert_many(
        connection,
        "INSERT INTO letters (sender, kind, node, subject, body) VALUES",
        [(sender, *letter) for letter in letters],
    )


def remove_old_letters(connection: sqlite3.Connection, kept_max: int) -> None:
    connection.execute(
        "DELETE FROM letters WHERE id <= (SELECT max(id) FROM letters) - ?", (kept_max,)
    )
