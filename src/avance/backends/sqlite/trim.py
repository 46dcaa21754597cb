"""
Retention, in bounded rounds.
"""

from avance.backends.sqlite.database import SqliteDatabase
from avance.ports.store import Retention


async def trim_round(database: SqliteDatabase, now_ms: int, policy: Retention) -> int:
    return 0
