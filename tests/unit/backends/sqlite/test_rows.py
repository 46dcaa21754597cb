import sqlite3

import pytest

from avance.backends.sqlite.epoch import epoch_of, new_secret
from avance.backends.sqlite.rows import insert_many


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 16, 63, 64, 65, 200])
def test_any_number_of_rows_arrives_in_order(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
    rows: list[tuple[object, ...]] = [(n, f"row {n}") for n in range(count)]
    insert_many(connection, "INSERT INTO t (n, text) VALUES", rows)
    assert connection.execute("SELECT * FROM t ORDER BY n").fetchall() == rows
    connection.close()


def test_rows_may_replace_what_is_there() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
    for text in ("old", "new"):
        insert_many(
            connection,
            "INSERT INTO t (n, text) VALUES",
            [(n, text) for n in range(70)],
            "ON CONFLICT (n) DO UPDATE SET text = excluded.text",
        )
    assert connection.execute("SELECT DISTINCT text FROM t").fetchall() == [("new",)]
    connection.close()


def test_an_epoch_belongs_to_a_name_and_a_database() -> None:
    one, two = new_secret(), new_secret()
    epochs = {epoch_of(secret, name) for secret in (one, two) for name in ("a", "b", "ñ")}
    assert len(epochs) == 6
    assert epoch_of(one, "a") == epoch_of(one, "a")
    assert all(epoch.isascii() and epoch.isalnum() and len(epoch) == 8 for epoch in epochs)
