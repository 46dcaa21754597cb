"""
What happens when a process opens the file, and when it leaves.
"""

import sqlite3
from collections.abc import Callable

import msgspec

from avance.backends.sqlite.boot import boot_id
from avance.backends.sqlite.connection import check_place, open_writer
from avance.backends.sqlite.epoch import new_secret
from avance.backends.sqlite.failure import unavailable
from avance.backends.sqlite.ledger import Ledger
from avance.backends.sqlite.limits import SqliteLimits
from avance.backends.sqlite.lock import NodeLocks
from avance.backends.sqlite.migration import Migrations, apply, load_migrations
from avance.backends.sqlite.writer import Opened

CORE = load_migrations("core", __package__)


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    node: str
    limits: SqliteLimits
    locks: NodeLocks
    migrations: tuple[Migrations, ...]
    now_ms: Callable[[], int]

    def open(self) -> Opened:
        """
        Runs in the writer's thread.
        """
        check_place(self.path)
        connection = open_writer(self.path, self.limits)
        try:
            secret = self._enter(connection)
            ledger = Ledger(connection, self.limits, node=self.node, secret=secret)
            ledger.refresh()
        except sqlite3.Error as error:
            connection.close()
            self.locks.release()
            raise unavailable(error, self.path) from error
        except BaseException:
            connection.close()
            self.locks.release()
            raise
        return Opened(connection, ledger)

    def close(self, connection: sqlite3.Connection) -> None:
        """
        Runs in the writer's thread.
        """
        try:
            self._leave(connection)
        finally:
            self.locks.release()

    def _enter(self, connection: sqlite3.Connection) -> str:
        connection.execute("BEGIN EXCLUSIVE")
        try:
            now_ms = self.now_ms()
            for migrations in (CORE, *self.migrations):
                apply(connection, migrations, path=self.path, now_ms=now_ms)
            self.locks.hold(self.node)
            forget_dead_nodes(connection, self.locks)
            connection.execute("INSERT OR REPLACE INTO nodes VALUES (?, ?)", (self.node, now_ms))
            secret = _secret(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return secret

    def _leave(self, connection: sqlite3.Connection) -> None:
        # This commit is synced, so that everything before it is on the disk.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        forget_dead_nodes(connection, self.locks)
        connection.execute("DELETE FROM nodes WHERE node = ?", (self.node,))
        (others,) = connection.execute("SELECT count(*) FROM nodes").fetchone()
        if others == 0:
            connection.execute("DELETE FROM meta WHERE key = 'boot'")
            connection.execute("DELETE FROM letters")
        idle = [node for node in self.locks.held if not _runs(connection, node)]
        connection.execute("COMMIT")
        for node in idle:
            self.locks.remove(node)


def forget_dead_nodes(connection: sqlite3.Connection, locks: NodeLocks) -> bool:
    """
    Remove the rows of processes that were killed; True if there were any. The lock of one whose jobs still count as running stays, as the proof of its death.
    """
    were_any = False
    for (node,) in connection.execute("SELECT node FROM nodes").fetchall():
        with locks.if_dead(node) as is_dead:
            if not is_dead:
                continue
            were_any = True
            connection.execute("DELETE FROM nodes WHERE node = ?", (node,))
            if not _runs(connection, node):
                locks.remove(node)
    return were_any


def _runs(connection: sqlite3.Connection, node: str) -> bool:
    (found,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM runs WHERE worker >= ? AND worker < ?)",
        (node + "/", node + "0"),
    ).fetchone()
    return bool(found)


def _secret(connection: sqlite3.Connection) -> str:
    # After a power cut the last commits that were not synced may be gone, with offsets that readers have seen: with new epochs those
    # readers are told so instead of being shown other events under the same offsets.
    known = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    boot = boot_id()
    was_cut_off = known.get("boot", boot) != boot
    secret = known.get("secret")
    if secret is None or was_cut_off:
        secret = new_secret()
    connection.executemany(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)", [("secret", secret), ("boot", boot)]
    )
    return str(secret)
