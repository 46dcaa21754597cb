"""
What an error of PostgreSQL means to the caller.
"""

import psycopg
from psycopg import errors

from avance.errors import Unavailable

_OF_STORAGE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.InFailedSqlTransaction,
)
_IN_THE_WAY = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.UniqueViolation,
)


def is_in_the_way(error: psycopg.Error) -> bool:
    """
    True where another node was faster, and a second try sees what it did.
    """
    return isinstance(error, _IN_THE_WAY)


def is_of_storage(error: psycopg.Error) -> bool:
    """
    True where the server or the way to it is at fault; False where the statement is.
    """
    return isinstance(error, _OF_STORAGE)


def unavailable(error: psycopg.Error, place: str, *, is_unsure: bool = False) -> Unavailable:
    """
    Say that nothing was written or read, why, and the way out.
    """
    reason = _reason(error)
    if isinstance(error, errors.DiskFull | errors.OutOfMemory):
        return Unavailable(
            f"the database {place} has no room ({reason}); nothing was written: free space on its disk, it goes on by itself",
            code="disk_full",
            place=place,
        )
    told = (
        "whether the last transaction was written is not known"
        if is_unsure
        else "nothing was written"
    )
    return Unavailable(
        f"the database {place} cannot be used now ({reason}); {told}: start it or the way to it again, work goes on by itself",
        code="store_unavailable",
        place=place,
        reason=type(error).__name__,
    )


def in_the_way(error: psycopg.Error, place: str, tries: int) -> Unavailable:
    return Unavailable(
        f"other nodes were in the way of {tries} tries on {place} ({_reason(error)}); nothing was written: try again",
        code="store_busy",
        place=place,
    )


def _reason(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
