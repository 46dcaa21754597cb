"""
Pages of jobs, newest first.
"""

import base64
import binascii
import sqlite3

import msgspec

from avance.backends.sqlite.row import decode_job
from avance.errors import InvalidRequest
from avance.ports.store import JobFilter, JobPage


def list_jobs(wanted: JobFilter, most: int, connection: sqlite3.Connection) -> JobPage:
    if wanted.limit < 1:
        raise InvalidRequest(
            f"limit is {wanted.limit}; ask for 1 to {most} jobs", code="invalid_limit", maximum=most
        )
    limit = min(wanted.limit, most)
    where, values = _conditions(wanted)
    rows = connection.execute(
        f"SELECT doc, inline_result, created_ms, id FROM jobs WHERE {' AND '.join(where) or '1'} ORDER BY created_ms DESC, id DESC LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    has_more = len(rows) > limit
    rows = rows[:limit]
    return JobPage(
        jobs=tuple(decode_job(doc, result) for doc, result, _, _ in rows),
        cursor=_write_cursor(*rows[-1][2:]) if has_more else None,
    )


def _conditions(wanted: JobFilter) -> tuple[list[str], list[object]]:
    where: list[str] = []
    values: list[object] = []

    def narrow(condition: str, *given: object) -> None:
        where.append(condition)
        values.extend(given)

    for column in ("owner", "tenant", "kind", "parent_id", "limit_key"):
        value = getattr(wanted, column)
        if value is not None:
            narrow(f"{column} = ?", value)
    if wanted.states:
        narrow(
            f"state IN ({', '.join('?' * len(wanted.states))})",
            *(state.value for state in wanted.states),
        )
        if not any(state.is_terminal for state in wanted.states):
            narrow("is_active")
    if wanted.tag is not None:
        narrow("pk IN (SELECT job_pk FROM tags WHERE tag = ?)", wanted.tag)
    if wanted.text:
        folded = wanted.text.casefold()
        narrow("(instr(title, ?) > 0 OR substr(lower(id), 1, ?) = ?)", folded, len(folded), folded)
    if wanted.created_after_ms is not None:
        narrow("created_ms > ?", wanted.created_after_ms)
    if wanted.created_before_ms is not None:
        narrow("created_ms < ?", wanted.created_before_ms)
    if wanted.cursor is not None:
        narrow("(created_ms, id) < (?, ?)", *_read_cursor(wanted.cursor))
    return where, values


def _write_cursor(created_ms: int, job_id: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((created_ms, job_id))).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=tuple[int, str]
        )
    except (ValueError, binascii.Error) as error:
        raise InvalidRequest(
            f"the cursor {cursor!r} is not one that a page has given; start without one",
            code="invalid_cursor",
        ) from error
