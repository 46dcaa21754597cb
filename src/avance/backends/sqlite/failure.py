"""
What an error of SQLite means to the caller.
"""

import os
import sqlite3
from pathlib import Path

from avance.errors import Unavailable

_FULL = frozenset({"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"})
_OF_STORAGE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


def unavailable(error: sqlite3.Error, path: str) -> Unavailable:
    """
    Say that nothing was written or read, why, and the way out.
    """
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if name in _FULL or (name.startswith("SQLITE_IOERR") and not _has_room(path)):
        return Unavailable(
            f"no room is left for the database {path} ({error}); nothing was written: free space on its disk or raise file_bytes_max, "
            "it goes on by itself",
            code="disk_full",
            path=path,
        )
    return Unavailable(
        f"the database {path} cannot be used now ({name}: {error}); nothing was written: {_way_out(name)}",
        code="store_unavailable",
        path=path,
        reason=name,
    )


def is_of_storage(error: sqlite3.Error) -> bool:
    """
    True where the file, its lock or the disk is at fault; False where the statement is.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _OF_STORAGE


def _has_room(path: str) -> bool:
    try:
        room = os.statvfs(Path(path).parent)
    except OSError:
        return True
    return room.f_bavail > 0


def _way_out(name: str) -> str:
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another process holds its write lock; find it with `fuser` and let it finish"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "it is damaged or no SQLite database; restore a copy or name another file"
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return "make the file and its directory writable for this user"
    if name.startswith("SQLITE_CANTOPEN"):
        return "check that its directory exists and may be entered"
    return "check the disk and the log of the system"
