"""
Submitting, reading, correcting and removing documents.
"""

import hmac
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from avance.apps.ocr import app, replies
from avance.apps.ocr.asked import NAME_CHARS_MAX, Item, read_asked, read_expected, read_wanted
from avance.apps.ocr.catalog import Catalog
from avance.apps.ocr.errors import BadDocument, DocumentUnknown, NotAuthentic
from avance.apps.ocr.export import FORMATS, exported
from avance.apps.ocr.external import signed_path
from avance.apps.ocr.frames import iso_z
from avance.apps.ocr.http.answers import (
    JOBS_HEADER,
    answered,
    in_its_words,
    json_object,
    router_for_pages,
)
from avance.apps.ocr.http.pages import seen
from avance.apps.ocr.model import Stored
from avance.apps.ocr.reviewing import read_review
from avance.apps.ocr.settings import OcrSettings
from avance.apps.ocr.shown import folder_of
from avance.apps.ocr.signing import link_signature
from avance.apps.ocr.submit import Taken, take
from avance.errors import Conflict
from avance.web import Caller, caller, count_start, described

router = router_for_pages()
READ_BYTES = 262_144
TESTS_AT_ONCE = 500
MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}


def _catalog() -> Catalog:
    return Catalog(app.host.records)


def _settings() -> OcrSettings:
    return app.host.settings.section(OcrSettings)


def _starting(request: Request) -> Caller:
    who = caller(request)
    who.require_whole()
    count_start(request)
    return who


async def _taken_from(request: Request) -> Taken:
    who = _starting(request)
    asked = read_asked(await json_object(request))
    return await take(
        app.host,
        who,
        asked.items,
        owner_user_name=asked.owner_user_name,
        url_response=asked.url_response,
    )


@in_its_words
async def process_documents(request: Request) -> Response:
    """
    Take documents by their addresses.
    """
    return _told(await _taken_from(request))


@in_its_words
async def process_documents_admin(request: Request) -> Response:
    """
    The same in camel case.
    """
    taken = await _taken_from(request)
    body = replies.taken_in_camel_case(taken.request_id, taken.documents)
    return _with_jobs(answered(body), taken)


@in_its_words
async def process_documents_platform(request: Request) -> Response:
    """
    The same under the name that platforms use.
    """
    taken = await _taken_from(request)
    body = replies.taken_of_platform(taken.request_id, taken.documents)
    return _with_jobs(answered(body, 202), taken)


def _told(taken: Taken) -> Response:
    told = replies.taken(taken.request_id, taken.documents)
    return _with_jobs(answered({"success": True, "data": {"success": True, **told}}), taken)


def _with_jobs(answer: Response, taken: Taken) -> Response:
    # The bodies are the contract's to the last key; who wants to follow the jobs need not ask for each document.
    answer.headers[JOBS_HEADER] = ",".join(taken.jobs)
    return answer


@in_its_words
async def upload(request: Request) -> Response:
    """
    Take documents by their bytes: multipart, `files[]`.
    """
    who = _starting(request)
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise BadDocument(f"the body is {kind or 'of no type'}; send multipart/form-data")
    settings = _settings()
    async with request.form(max_files=settings.documents_max + 1, max_fields=20) as form:
        files = [
            one
            for name in ("files[]", "files", "file")
            for one in form.getlist(name)
            if isinstance(one, UploadFile)
        ]
        if not 1 <= len(files) <= settings.documents_max:
            raise BadDocument(
                f"{len(files)} files came in `files[]`; 1 to {settings.documents_max} are taken at once"
            )
        owner = str(form.get("owner_user_name") or who.user)[:NAME_CHARS_MAX]
        url = form.get("url_response")
        expected = _form_expected(form.get("expected"))
        is_test = str(form.get("is_test", "")).lower() == "true"
        kept = [await _kept(file, expected, is_test) for file in files]
    try:
        taken = await take(
            app.host,
            who,
            kept,
            owner_user_name=owner,
            url_response=str(url) if url else None,
        )
    except (BadDocument, Conflict):
        for one in kept:
            await app.host.blobs.remove(str(one.blob_key))
        raise
    return _told(taken)


def _form_expected(value: Any) -> dict[str, Any]:
    if not isinstance(value, str) or not value:
        return {}
    try:
        return read_expected(msgspec.json.decode(value))
    except msgspec.MsgspecError as error:
        raise BadDocument(f"expected is not JSON: {error}") from error


async def _kept(file: UploadFile, expected: dict[str, Any], is_test: bool) -> Item:
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2].strip()
    if not name or len(name) > NAME_CHARS_MAX:
        raise BadDocument(f"a file has no name, or one over {NAME_CHARS_MAX} characters")
    document_id = str(uuid4())
    key = f"ocr/{document_id}/file"

    async def pieces() -> AsyncGenerator[bytes, None]:
        while data := await file.read(READ_BYTES):
            yield data

    blob = await app.host.blobs.put(key, pieces(), bytes_max=_settings().file_bytes_max)
    if not blob.size:
        await app.host.blobs.remove(key)
        raise BadDocument(f"{name} is empty", code="document_empty")
    return Item(id=document_id, file_name=name, blob_key=key, expected=expected, is_test=is_test)


@in_its_words
async def get_document(request: Request) -> Response:
    """
    A document as it is now.
    """
    return answered({"success": True, "data": (await seen(request)).document})


@in_its_words
async def list_documents(request: Request) -> Response:
    """
    Documents by status, the newest first.
    """
    who = caller(request)
    who.require_whole()
    wanted = read_wanted(request.query_params)
    found = await _catalog().list(
        who.identity,
        status=wanted.status,
        limit=wanted.limit + 1,
        before=_cursor(wanted.cursor),
    )
    page = found[: wanted.limit]
    body: dict[str, Any] = {"success": True, "data": [one.document for one, _ in page]}
    if len(found) > len(page):
        last, made_ms = page[-1]
        body["cursor"] = f"{made_ms}.{last.document.id}"
    return answered(body)


def _cursor(text: str | None) -> tuple[int, str] | None:
    if not text:
        return None
    made_ms, _, document_id = text.partition(".")
    if not (made_ms.isascii() and made_ms.isdigit() and len(made_ms) < 16 and document_id):
        raise BadDocument("cursor is none that a list has given")
    return int(made_ms), document_id


@in_its_words
async def get_history(request: Request) -> Response:
    """
    Who corrected or decided what.
    """
    stored = await seen(request)
    rows = await _catalog().history(stored.document.id)
    data = [
        {
            "timestamp": iso_z(at_ms),
            "author": author,
            "action": what,
            "before": msgspec.json.decode(before),
            "after": msgspec.json.decode(after),
        }
        for at_ms, author, what, before, after in rows
    ]
    return answered({"success": True, "data": data})


@in_its_words
async def review(request: Request) -> Response:
    """
    Correct fields, or decide; the status stays, the history grows.
    """
    who = caller(request)
    stored = await seen(request)
    said = read_review(await json_object(request))
    changed = await _catalog().change(
        stored.document.id,
        lambda now: said.applied(now, who.user),
        author=who.user,
        what=said.what,
    )
    return answered({"success": True, "data": changed.document})


@in_its_words
async def delete_document(request: Request) -> Response:
    """
    Remove a document and its file.
    """
    stored = await seen(request)
    await _remove(stored)
    return answered({"success": True, "message": f"Document {stored.document.id} deleted"})


async def _remove(stored: Stored) -> None:
    # The row first: a crash between the two leaves a file that nobody sees.
    await _catalog().remove(stored.document.id)
    if stored.blob_key is not None:
        await app.host.blobs.remove(folder_of(stored.blob_key))


@in_its_words
async def cleanup(request: Request) -> Response:
    """
    Remove documents that are marked as test data.
    """
    who = caller(request)
    who.require_whole()
    found = await _catalog().tests_of(who.identity, TESTS_AT_ONCE)
    for stored in found:
        await _remove(stored)
    return answered({"success": True, "deleted": len(found)})


@in_its_words
async def public_file(request: Request) -> Response:
    """
    Lead to a link to the file that is good for a while.
    """
    stored = await seen(request)
    ttl_s = _settings().link_ttl_s
    if stored.blob_key is None:
        if not stored.document.file_url.startswith("http"):
            raise DocumentUnknown("the file is gone")
        return RedirectResponse(stored.document.file_url, 302)
    link = await app.host.blobs.link(stored.blob_key, ttl_s=ttl_s, name=stored.document.file_name)
    place = link or await signed_path(app.host, stored.document.id, ttl_s)
    return RedirectResponse(place, 302)


@in_its_words
async def signed_file(request: Request) -> Response:
    """
    The file behind a signed link.
    """
    document_id = request.path_params["document_id"]
    expires, signature = (request.query_params.get(name, "") for name in ("expires", "signature"))
    if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
        raise NotAuthentic("the link is not complete")
    wanted = link_signature(await _catalog().key("links"), document_id, int(expires))
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise NotAuthentic("the link is not one of this server")
    if int(expires) < app.host.clock.now_ms() // 1000:
        raise NotAuthentic("the link has expired; ask for a new one")
    stored = await _catalog().find(document_id)
    blob = (
        None
        if stored is None or stored.blob_key is None
        else await app.host.blobs.info(stored.blob_key)
    )
    if stored is None or blob is None:
        raise DocumentUnknown(f"there is no file of {document_id[:80]}")
    name = stored.document.file_name
    kind = MEDIA_TYPES.get(name[name.rfind(".") :].lower(), "application/octet-stream")
    headers = {
        "content-length": str(blob.size),
        "cache-control": "private, no-store",
        # Nothing in a stranger's file is to run in this origin.
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(app.host.blobs.read(blob.key), media_type=kind, headers=headers)


@in_its_words
async def export(request: Request) -> Response:
    """
    The result as JSON, CSV or a PDF that can be searched.
    """
    stored = await seen(request)
    kind = request.path_params["format"]
    if kind not in FORMATS:
        raise BadDocument(f"there is no export {kind[:20]!r}; one of {', '.join(FORMATS)}")
    body, media_type = await exported(app.host, stored, kind)
    headers = {"content-disposition": f'attachment; filename="result.{kind}"'}
    return Response(body, 200, media_type=media_type, headers=headers)


@in_its_words
async def health(_: Request) -> Response:
    """
    Whether it is there.
    """
    return answered({"success": True, "status": "healthy"})


described(router, "POST", "/api/ocr/process-documents", process_documents)
described(router, "POST", "/api/ocr/process-documents-admin", process_documents_admin)
described(
    router,
    "POST",
    "/api/v1/platform/process-documents-platform",
    process_documents_platform,
    status=202,
)
described(router, "POST", "/api/ocr/upload", upload)
described(router, "GET", "/api/ocr/document/{document_id}", get_document)
described(router, "GET", "/api/ocr/document/{document_id}/history", get_history)
described(router, "POST", "/api/ocr/document/{document_id}/review", review)
described(router, "GET", "/api/ocr/document/{document_id}/export/{format}", export)
described(router, "GET", "/api/ocr/documents", list_documents)
described(router, "DELETE", "/api/ocr/delete/{document_id}", delete_document)
described(router, "GET", "/api/ocr/public-file/{document_id}", public_file)
described(router, "GET", "/api/ocr/file/{document_id}", signed_file, is_public=True)
described(router, "POST", "/api/ocr/cleanup-test-documents", cleanup)
described(router, "GET", "/api/ocr/health", health, is_public=True)
