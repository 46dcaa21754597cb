"""
A transaction, tried again where that helps, with a clear answer where it does not.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from avance.backends.postgres.connection import Connections
from avance.backends.postgres.failure import (
    in_the_way,
    is_in_the_way,
    is_of_storage,
    unavailable,
)
from avance.backends.postgres.limits import PostgresLimits
from avance.ports.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE_MAX_S = 0.05


class Sessions:
    """
    Used in threads, each with a connection to itself for as long as a transaction lasts.
    """

    def __init__(
        self, connections: Connections, place: str, limits: PostgresLimits, clock: Clock
    ) -> None:
        self._connections = connections
        self._place = place
        self._limits = limits
        self._clock = clock
        self._is_away = False
        self._back_s = float("-inf")

    def is_just_back(self) -> bool:
        """
        Whether the database is away, or was a moment ago, so that nobody could renew a lease.
        """
        return (
            self._is_away or self._clock.monotonic_s() - self._back_s < self._limits.lease_grace_s
        )

    def read(self, work: Callable[[Connection[Any]], T]) -> T:
        """
        Read at one moment.
        """

        def run(connection: Connection[Any]) -> T:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return work(connection)

        return self._repeat(run, is_writing=False)

    def read_one(self, work: Callable[[Connection[Any]], T]) -> T:
        """
        Read with a single statement, which is of one moment by itself.
        """
        return self._repeat(work, is_writing=False)

    def write(self, work: Callable[[Connection[Any]], T]) -> T:
        """
        Write; `work` is called again after a conflict with another node.
        """
        return self._repeat(work, is_writing=True)

    def _repeat(self, work: Callable[[Connection[Any]], T], *, is_writing: bool) -> T:
        tries = was_fresh = 0
        while True:
            tries += 1
            try:
                return self._once(work, is_writing=is_writing)
            except psycopg.Error as error:
                if is_in_the_way(error) and tries < self._limits.repeats_max:
                    time.sleep(random.random() * _PAUSE_MAX_S * tries / self._limits.repeats_max)
                elif is_in_the_way(error):
                    raise in_the_way(error, self._place, tries) from error
                elif isinstance(error, _Stale) and not was_fresh:
                    # A connection from before a restart of the server, found out with its first use.
                    was_fresh = 1
                elif is_of_storage(error):
                    self._note_away(error)
                    raise unavailable(error, self._place) from error
                else:
                    raise

    def _once(self, work: Callable[[Connection[Any]], T], *, is_writing: bool) -> T:
        connection = self._connections.take()
        is_committing = False
        transaction = ""
        try:
            value = work(connection)
            if is_writing and connection.info.transaction_status is TransactionStatus.INTRANS:
                transaction = _id_of(connection)
                is_committing = bool(transaction)
                connection.commit()
            else:
                connection.rollback()
        except psycopg.Error as error:
            if not connection.broken:
                connection.rollback()
                raise
            self._connections.drop_idle()
            if is_committing:
                if self._has_arrived(transaction, error):
                    return value
                raise unavailable(error, self._place) from error
            raise _Stale(str(error)) from error
        except BaseException:
            if not connection.broken:
                connection.rollback()
            raise
        finally:
            self._connections.give(connection)
        self._note_back()
        return value

    def _has_arrived(self, transaction: str, error: psycopg.Error) -> bool:
        """
        The answer to a commit was lost: ask what became of it.
        """
        self._note_away(error)
        until_s = time.monotonic() + self._limits.outcome_wait_s
        while True:
            try:
                connection = self._connections.take()
            except psycopg.Error:
                if time.monotonic() >= until_s:
                    raise unavailable(error, self._place, is_unsure=True) from error
                time.sleep(_PAUSE_MAX_S)
                continue
            try:
                row = connection.execute(
                    "SELECT pg_xact_status(%s::xid8)", (transaction,)
                ).fetchone()
                connection.rollback()
            except psycopg.DataError:
                # In the future of a server that has recovered without it.
                connection.rollback()
                return False
            except psycopg.OperationalError:
                row = ("in progress",)
            finally:
                self._connections.give(connection)
            if row is not None and row[0] != "in progress":
                return bool(row[0] == "committed")
            if time.monotonic() >= until_s:
                raise unavailable(error, self._place, is_unsure=True) from error
            time.sleep(_PAUSE_MAX_S)

    def _note_away(self, error: psycopg.Error) -> None:
        if not self._is_away:
            self._is_away = True
            log.warning("the database %s is away: %s", self._place, str(error).strip())

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._back_s = self._clock.monotonic_s()
            log.warning("the database %s is back", self._place)


class _Stale(psycopg.OperationalError):
    """
    The connection broke before anything was committed.
    """


def _id_of(connection: Connection[Any]) -> str:
    row = connection.execute("SELECT pg_current_xact_id_if_assigned()::text").fetchone()
    return "" if row is None or row[0] is None else str(row[0])
