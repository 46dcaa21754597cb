"""
Lists that are asked for all the time do not grow dear with what has ended.
"""

import sqlite3
from pathlib import Path

from avance.backends.sqlite import SqliteDatabase
from avance.backends.sqlite.listing import list_jobs
from avance.jobs.service import ACTIVE
from avance.ports.store import JobFilter
from avance.testing.clock import FakeClock


def plan_of(wanted: JobFilter, connection: sqlite3.Connection) -> str:
    """
    How SQLite looks for them.
    """
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    try:
        list_jobs(wanted, 50, connection)
    finally:
        connection.set_trace_callback(None)
    [plan] = connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}").fetchall()
    return str(plan[3])


async def test_active_jobs_are_found_without_looking_at_those_that_ended(tmp_path: Path) -> None:
    async with SqliteDatabase(tmp_path / "jobs.db", clock=FakeClock()) as database:
        for states in (ACTIVE, ACTIVE[:1]):
            plan = await database.read(
                lambda file, some=states: plan_of(JobFilter(states=some), file)
            )
            assert "jobs_active" in plan
        of_all = await database.read(lambda file: plan_of(JobFilter(), file))
        assert "jobs_newest" in of_all
