"""
Documents in the store. A change and the event that tells of it are one transaction.
"""

import hashlib
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from avance.apps.ocr.errors import DocumentUnknown
from avance.apps.ocr.frames import iso_z
from avance.apps.ocr.model import Change, Document, Status, Stored, changed
from avance.apps.ocr.reviewing import changed_parts
from avance.errors import Conflict
from avance.storage import Append, Changes, Records, Row, Rows
from avance.web import Identity

ALL = "$topic:ocr-all"
"""Every change, for administrators. The `$` keeps clients of the protocol out: nobody signs a token for it."""
_COLUMNS = "body, owner, tenant, version, engine, blob_key, ended_ms, expected, job_id"
_document = msgspec.json.Decoder(Document)
_encode = msgspec.json.Encoder().encode


class Told(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """
    The event of one change.
    """

    type: str = "document"
    document_id: str
    version: int
    tenant: str
    document: Document


class Request(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    owner: str
    tenant: str
    owner_user_name: str
    url_response: str | None
    token_sha256: str


class New(msgspec.Struct, frozen=True, kw_only=True):
    """
    A document that is about to be.
    """

    document: Document
    engine: str
    blob_key: str | None
    deadline_ms: int
    is_test: bool = False
    expected: dict[str, Any] = {}


def channel_of(owner: str, tenant: str) -> str:
    """
    The changes of one owner's documents.
    """
    name = hashlib.sha256(f"{tenant}\0{owner}".encode()).hexdigest()[:32]
    return f"$topic:ocr-{name}"


def may_see(identity: Identity, owner: str, tenant: str) -> bool:
    if identity.is_admin:
        return identity.tenant is None or identity.tenant == tenant
    return owner == identity.user and tenant == (identity.tenant or "")


class Catalog:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def add(self, request: Request, documents: Sequence[New]) -> None:
        """
        Raises:
            Conflict: There is a document of that id.
        """
        await self._records.write(partial(_add, request, documents))

    async def find(self, document_id: str) -> Stored | None:
        return await self._records.read(partial(_find, document_id))

    async def seen(self, identity: Identity, document_id: str) -> Stored:
        """
        A document that this caller may see.

        Raises:
            DocumentUnknown: There is none, or not for this caller.
        """
        found = await self.find(document_id)
        if found is None or not may_see(identity, found.owner, found.tenant):
            raise DocumentUnknown(f"there is no document {document_id[:80]}")
        return found

    async def list(
        self, identity: Identity, *, status: str | None, limit: int, before: tuple[int, str] | None
    ) -> Sequence[tuple[Stored, int]]:
        """
        The newest first, with the time at which each was made.
        """
        return await self._records.read(partial(_list, identity, status, limit, before))

    async def recent(self, identity: Identity, *, since_ms: int, limit: int) -> Sequence[Stored]:
        """
        What is not finished, or finished lately; the oldest first.
        """
        return await self._records.read(partial(_recent, identity, since_ms, limit))

    async def change(
        self,
        document_id: str,
        change: Change,
        *,
        author: str | None = None,
        what: str = "",
        final_sha256: str | None = None,
    ) -> Stored:
        """
        Change a document by a function that is given the present one; None from it changes nothing.

        Args:
            author: A person, whose change is kept in the history.
            final_sha256: Of the body that ended it; the same body again changes nothing.

        Raises:
            DocumentUnknown: There is none.
            DocumentDecided: It has ended, or the change leads back.
        """
        work = partial(_change, document_id, change, author, what, final_sha256)
        return await self._records.write(work)

    async def keep_page(self, document_id: str, number: int, body: bytes) -> None:
        await self._records.write(partial(_keep_page, document_id, number, body))

    async def pages(self, document_id: str) -> Sequence[bytes]:
        rows = await self._records.read(
            lambda rows: rows.all(
                "SELECT body FROM ocr_pages WHERE document_id = ? ORDER BY number", document_id
            ),
            is_long=True,
        )
        return [str(row[0]).encode() for row in rows]

    async def page(self, document_id: str, number: int) -> bytes | None:
        """
        A page that was read, or None.
        """
        row = await self._records.read(
            lambda rows: rows.one(
                "SELECT body FROM ocr_pages WHERE document_id = ? AND number = ?",
                document_id,
                number,
            )
        )
        return None if row is None else str(row[0]).encode()

    async def history(self, document_id: str) -> Sequence[Row]:
        return await self._records.read(
            lambda rows: rows.all(
                "SELECT at_ms, author, what, before, after FROM ocr_history WHERE document_id = ? ORDER BY id",
                document_id,
            )
        )

    async def keep_file(self, document_id: str, blob_key: str) -> None:
        await self._records.write(
            lambda changes: changes.run(
                "UPDATE ocr_documents SET blob_key = ? WHERE id = ?", blob_key, document_id
            )
        )

    async def begun(self, document_id: str, job_id: str) -> None:
        await self._records.write(
            lambda changes: changes.run(
                "UPDATE ocr_documents SET job_id = ? WHERE id = ?", job_id, document_id
            )
        )

    async def request(self, request_id: str) -> Request | None:
        row = await self._records.read(
            lambda rows: rows.one(
                "SELECT id, owner, tenant, owner_user_name, url_response, token_sha256 FROM ocr_requests WHERE id = ?",
                request_id,
            )
        )
        return None if row is None else _request(row)

    async def of_request(self, request_id: str) -> Sequence[Stored]:
        rows = await self._records.read(
            lambda rows: rows.all(
                f"SELECT {_COLUMNS} FROM ocr_documents WHERE request_id = ? ORDER BY id", request_id
            )
        )
        return [_stored(row) for row in rows]

    async def open_jobs(self, limit: int) -> Sequence[tuple[str, str]]:
        """
        Documents that are not finished, with their jobs.
        """
        rows = await self._records.read(
            lambda rows: rows.all(
                "SELECT id, job_id FROM ocr_documents WHERE ended_ms IS NULL AND job_id IS NOT NULL ORDER BY deadline_ms LIMIT ?",
                limit,
            )
        )
        return [(row[0], row[1]) for row in rows]

    async def overdue(self, now_ms: int, limit: int) -> Sequence[str]:
        rows = await self._records.read(
            lambda rows: rows.all(
                "SELECT id FROM ocr_documents WHERE ended_ms IS NULL AND deadline_ms < ? LIMIT ?",
                now_ms,
                limit,
            )
        )
        return [row[0] for row in rows]

    async def remove(self, document_id: str) -> None:
        await self._records.write(partial(_remove, document_id))

    async def tests_of(self, identity: Identity, limit: int) -> Sequence[Stored]:
        where, values = _visible(identity)
        rows = await self._records.read(
            lambda rows: rows.all(
                f"SELECT {_COLUMNS} FROM ocr_documents WHERE is_test = 1 AND {where} LIMIT ?",
                *values,
                limit,
            )
        )
        return [_stored(row) for row in rows]

    async def key(self, name: str) -> bytes:
        """
        A secret of this installation, made when it is first asked for.
        """

        def work(changes: Changes) -> str:
            changes.run(
                "INSERT INTO ocr_keys (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                name,
                secrets.token_hex(32),
            )
            row = changes.one("SELECT value FROM ocr_keys WHERE name = ?", name)
            assert row is not None
            return str(row[0])

        return bytes.fromhex(await self._records.write(work))


def _add(request: Request, documents: Sequence[New], changes: Changes) -> None:
    changes.run(
        "INSERT INTO ocr_requests (id, owner, tenant, owner_user_name, url_response, token_sha256, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        request.id,
        request.owner,
        request.tenant,
        request.owner_user_name,
        request.url_response,
        request.token_sha256,
        changes.now_ms,
    )
    for new in documents:
        added = changes.run(
            "INSERT INTO ocr_documents (id, request_id, owner, tenant, status, engine, blob_key, is_test, body, expected, created_ms, deadline_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            new.document.id,
            request.id,
            request.owner,
            request.tenant,
            new.document.status.value,
            new.engine,
            new.blob_key,
            int(new.is_test),
            _encode(new.document).decode(),
            _encode(new.expected).decode(),
            changes.now_ms,
            new.deadline_ms,
        )
        if not added:
            raise Conflict(
                f"there is a document {new.document.id} already; give this one another platform_document_id",
                code="ocr_document_exists",
            )
        _tell(changes, new.document, request.owner, request.tenant, 1)


def _find(document_id: str, rows: Rows) -> Stored | None:
    row = rows.one(f"SELECT {_COLUMNS} FROM ocr_documents WHERE id = ?", document_id)
    return None if row is None else _stored(row)


def _visible(identity: Identity) -> tuple[str, tuple[str, ...]]:
    if not identity.is_admin:
        return "tenant = ? AND owner = ?", (identity.tenant or "", identity.user)
    return ("1 = 1", ()) if identity.tenant is None else ("tenant = ?", (identity.tenant,))


def _list(
    identity: Identity, status: str | None, limit: int, before: tuple[int, str] | None, rows: Rows
) -> Sequence[tuple[Stored, int]]:
    where, values = _visible(identity)
    given: list[Any] = list(values)
    if status is not None:
        where += " AND status = ?"
        given.append(status)
    if before is not None:
        where += " AND (created_ms < ? OR (created_ms = ? AND id < ?))"
        given += [before[0], before[0], before[1]]
    found = rows.all(
        f"SELECT {_COLUMNS}, created_ms FROM ocr_documents WHERE {where} ORDER BY created_ms DESC, id DESC LIMIT ?",
        *given,
        limit,
    )
    return [(_stored(row[:-1]), row[-1]) for row in found]


def _recent(identity: Identity, since_ms: int, limit: int, rows: Rows) -> Sequence[Stored]:
    where, values = _visible(identity)
    found = rows.all(
        f"SELECT {_COLUMNS} FROM ocr_documents WHERE {where} AND (ended_ms IS NULL OR ended_ms >= ?) ORDER BY created_ms DESC, id DESC LIMIT ?",
        *values,
        since_ms,
        limit,
    )
    return [_stored(row) for row in reversed(found)]


def _change(
    document_id: str,
    change: Change,
    author: str | None,
    what: str,
    final_sha256: str | None,
    changes: Changes,
) -> Stored:
    found = _find(document_id, changes)
    if found is None:
        raise DocumentUnknown(f"there is no document {document_id[:80]}")
    now = found.document
    if final_sha256 is not None and _is_repeated(document_id, final_sha256, changes):
        return found
    then = changed(now, change, is_person=author is not None)
    if then is None:
        return found
    then = msgspec.structs.replace(then, updated_at=iso_z(changes.now_ms))
    ended_ms = found.ended_ms
    if then.status.is_final and ended_ms is None:
        ended_ms = changes.now_ms
    changes.run(
        "UPDATE ocr_documents SET body = ?, status = ?, version = version + 1, ended_ms = ?, final_sha256 = coalesce(?, final_sha256) WHERE id = ?",
        _encode(then).decode(),
        then.status.value,
        ended_ms,
        final_sha256,
        document_id,
    )
    if author is not None:
        _remember(changes, now, then, author, what)
    version = found.version + 1
    _tell(changes, then, found.owner, found.tenant, version)
    return msgspec.structs.replace(found, document=then, version=version, ended_ms=ended_ms)


def _is_repeated(document_id: str, sha256: str, rows: Rows) -> bool:
    row = rows.one("SELECT final_sha256 FROM ocr_documents WHERE id = ?", document_id)
    return row is not None and row[0] == sha256


def _remember(changes: Changes, now: Document, then: Document, author: str, what: str) -> None:
    before, after = changed_parts(now, then)
    changes.run(
        "INSERT INTO ocr_history (document_id, at_ms, author, what, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        now.id,
        changes.now_ms,
        author,
        what,
        _encode(before).decode(),
        _encode(after).decode(),
    )


def _tell(changes: Changes, document: Document, owner: str, tenant: str, version: int) -> None:
    body = _encode(Told(document_id=document.id, version=version, tenant=tenant, document=document))
    for channel in (channel_of(owner, tenant), ALL):
        changes.append(Append(channel=channel, body=body))


def _keep_page(document_id: str, number: int, body: bytes, changes: Changes) -> None:
    changes.run(
        "INSERT INTO ocr_pages (document_id, number, body) VALUES (?, ?, ?)"
        " ON CONFLICT (document_id, number) DO UPDATE SET body = excluded.body",
        document_id,
        number,
        body.decode(),
    )


def _remove(document_id: str, changes: Changes) -> None:
    for table in ("ocr_pages", "ocr_history"):
        changes.run(f"DELETE FROM {table} WHERE document_id = ?", document_id)
    changes.run("DELETE FROM ocr_documents WHERE id = ?", document_id)


def _stored(row: Row) -> Stored:
    body, owner, tenant, version, engine, blob_key, ended_ms, expected, job_id = row
    document = _document.decode(body)
    if document.job_id is None and job_id is not None:
        # It waits: its job has not said so yet, and can be followed all the same.
        document = msgspec.structs.replace(document, job_id=job_id)
    return Stored(
        document=document,
        owner=owner,
        tenant=tenant,
        version=version,
        engine=engine,
        blob_key=blob_key,
        ended_ms=ended_ms,
        expected=msgspec.json.decode(expected),
    )


def _request(row: Row) -> Request:
    found, owner, tenant, name, url, token = row
    return Request(
        id=found,
        owner=owner,
        tenant=tenant,
        owner_user_name=name,
        url_response=url,
        token_sha256=token,
    )


def failed(error: str) -> Change:
    """
    The end without a result.
    """
    return lambda now: (
        None
        if now.status.is_final
        else msgspec.structs.replace(
            now, status=Status.FAILED, error=error, processing_status="FAILED"
        )
    )
