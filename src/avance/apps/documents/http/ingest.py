"""
docs/contract/ingest.md, 3.1.
"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from avance import State
from avance.apps.documents import app
from avance.apps.documents.asking import (
    Question,
    checked_question,
    cited,
    compose,
    find,
    model_name,
    retrieval_of,
)
from avance.apps.documents.beside_rq import KIND, Order, send
from avance.apps.documents.catalog import Catalog, Wanted
from avance.apps.documents.cutting import of_ingest
from avance.apps.documents.http.files import form_of, keep_file, name_of, new_folder
from avance.apps.documents.ingest_socket import ending
from avance.apps.documents.model import EXTENSIONS, Document, OnDuplicate, Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tasks import ingest
from avance.apps.documents.text.strategies import Cutting
from avance.apps.documents.vectors import Owned, vectors_of
from avance.apps.documents.words import failure, ingest_status, iso_z, one_of
from avance.apps.reading import Unreadable
from avance.errors import NotFound, Unavailable
from avance.web import (
    Caller,
    caller,
    check_reads,
    count_start,
    described,
    job_not_found,
    read_json,
    read_query,
)

KINDS = (ingest.name, KIND)
DELETED_AT_ONCE = 100
EXPORTED_AT_ONCE = 500
COLUMNS = (
    *("id", "filename", "chunks", "pages", "language", "title", "author", "dated"),
    *("mime_type", "file_size", "uploaded_at", "version", "job_id"),
)
_encode = msgspec.json.Encoder().encode

router = APIRouter(tags=["ingest"])


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 50
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    text: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    collection: str | None = None
    language: str | None = None
    mime_type: str | None = None
    job_id: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def wanted(self) -> Wanted:
        return Wanted(
            collection=self.collection,
            text=self.text,
            language=self.language,
            mime_type=self.mime_type,
            job_id=self.job_id,
            since_ms=_ms(self.since),
            before_ms=_ms(self.before),
        )


class AskQuery(msgspec.Struct, frozen=True, kw_only=True):
    query: str | None = None
    question: str | None = None
    top_k: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    language: str = "es"
    collection: str | None = None
    retrieval: str | None = None
    """`similarity` or `mmr`; without it, as the settings say."""


class ReindexRequest(msgspec.Struct, frozen=True, kw_only=True):
    preset: str | None = None
    """`low`, `standard`, `high` or `premium`: how long passages are; without it, as the settings say."""
    chunking_strategy: str | None = None
    """`recursive` (default), `semantic`, `markdown`, `html`, `python_code` or `json`: where the text is cut."""


def answered(body: Any, status: int = 200) -> Response:
    return Response(_encode(body), status, media_type="application/json")


async def post_ingest(request: Request) -> Response:
    """
    Read one file into the caller's documents: at once a job id, or with `?async=false` the result.
    """
    who = caller(request)
    who.require_whole()
    count_start(request)
    settings = app.host.settings.section(DocumentsSettings)
    folder = new_folder()
    async with form_of(request, settings) as form:
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise Unreadable("there is no file; send it in the field `file`", code="file_name")
        name = name_of(file, EXTENSIONS)
        policy = policy_of(str(form.get("on_duplicate") or "skip"))
        collection = str(form.get("collection") or settings.collection)
        bytes_max = settings.file_bytes_max
        source = await keep_file(app.host, folder, 0, file, name, bytes_max=bytes_max)
    job_id = await start(who, folder, [source], collection, policy, settings)
    if _is_async(request, settings):
        message = f"{name} was received and waits to be read"
        return answered({"job_id": job_id, "file": name, "status": "queued", "message": message})
    return await _ended(job_id, name)


async def start(
    who: Caller,
    folder: str,
    sources: list[Source],
    collection: str,
    policy: OnDuplicate,
    settings: DocumentsSettings,
    *,
    upload: Cutting | None = None,
    force_recreate: bool = False,
) -> str:
    """
    Queue the work under the id of the folder in which its files lie.

    Args:
        upload: How an upload is cut; files of ingest are cut as the settings say.
    """
    cutting = upload or of_ingest(None, None, settings)
    catalog = Catalog(app.host.records)
    collection_id = await catalog.id_of(who.user, who.identity.tenant, collection)
    # Workers of RQ tell nothing of tenants, and an upload counts passages, which they do not tell either.
    if settings.rq_queue and upload is None and who.identity.tenant is None:
        order = Order(
            owner=who.user,
            source=sources[0],
            collection=collection,
            collection_id=collection_id,
            tokens=cutting.tokens,
            overlap=cutting.overlap,
            on_duplicate=policy,
        )
        await _send(folder, order, settings)
        return folder
    title = sources[0].name if len(sources) == 1 else f"{len(sources)} documents"
    handle = await ingest.using(owner=who.user, tenant=who.identity.tenant, job_id=folder).submit(
        sources=[msgspec.to_builtins(source) for source in sources],
        collection=collection,
        collection_id=collection_id,
        tokens=cutting.tokens,
        overlap=cutting.overlap,
        strategy=cutting.strategy.value,
        title=title,
        on_duplicate=policy.value,
        force_recreate=force_recreate,
    )
    return handle.id


async def _send(job_id: str, order: Order, settings: DocumentsSettings) -> None:
    try:
        await send(job_id, order, settings)
    except Unavailable:
        await app.host.blobs.remove(order.source.key)
        raise


async def _ended(job_id: str, name: str) -> Response:
    job = await app.host.jobs.ended(job_id)
    if job.state is not State.COMPLETED:
        error = job.error
        raise Unreadable(
            failure(job.state, None if error is None else {"message": error.message}),
            code="document_unreadable" if error is None else error.code,
        )
    result = msgspec.json.decode(await app.host.jobs.result(job_id))
    told = ending(result)
    body = {"file": name, "status": "completed", "chunk_count": told["chunks"], **told}
    if told.get("duplicate"):
        body["message"] = f"{name} is there already"
    return answered(body)


async def get_status(request: Request) -> Response:
    """
    Where a job is, in the words of ingest.
    """
    job = await app.host.jobs.get(request.path_params["job_id"])
    check_reads(caller(request), job)
    if job.kind not in KINDS:
        raise job_not_found(job.id)
    status = ingest_status(job.state, job.attempt)
    body: dict[str, Any] = {
        "job_id": job.id,
        "status": status,
        "created_at": iso_z(job.created_ms),
        "started_at": iso_z(job.started_ms),
        "ended_at": iso_z(job.ended_ms),
    }
    if status == "completed":
        result = msgspec.json.decode(await app.host.jobs.result(job.id))
        told = ending(result)
        body |= {key: value for key, value in told.items() if key != "chunks"}
        body["result"] = {"file": job.title, "chunks": told["chunks"], "status": status}
    elif status == "failed":
        error = None if job.error is None else {"message": job.error.message}
        body["error"] = failure(job.state, error)
    return answered(body)


async def get_history(request: Request) -> Response:
    """
    The caller's documents, newest first.
    """
    who = caller(request)
    who.require_whole()
    wanted = read_query(request, HistoryQuery, app.host.settings.http)
    documents, total = await Catalog(app.host.records).documents(
        who.user,
        wanted=wanted.wanted(),
        limit=wanted.limit,
        offset=wanted.offset,
    )
    return answered({"documents": [_shown(one) for one in documents], "total": total})


async def get_document(request: Request) -> Response:
    """
    One document with its passages.
    """
    document = await _own(request)
    pieces = await Catalog(app.host.records).pieces(document.id)
    chunks = [
        {
            "chunk_id": str(piece.id),
            "text": piece.text,
            "page": piece.page,
            "chunk_index": piece.index,
            "start": piece.start,
            "end": piece.end,
            **piece.details,
        }
        for piece in pieces
    ]
    body = {"document_id": document.id, "filename": document.filename, "chunk_count": len(chunks)}
    return answered({**body, **_shown(document), "chunks": chunks})


async def delete_document(request: Request) -> Response:
    """
    Remove one document, from the index too.
    """
    document = await _own(request)
    await remove([document])
    message = f"{document.filename} was removed"
    return answered({"success": True, "message": message, "deleted_count": 1})


async def delete_documents(request: Request) -> Response:
    """
    Remove all documents of the caller.
    """
    who = caller(request)
    who.require_whole()
    catalog, count = Catalog(app.host.records), 0
    while True:
        documents, _ = await catalog.documents(who.user, limit=DELETED_AT_ONCE)
        if not documents:
            break
        await remove(documents)
        count += len(documents)
    message = f"{count} documents were removed"
    return answered({"success": True, "message": message, "deleted_count": count})


async def remove(documents: list[Document]) -> None:
    """
    Remove documents, then their files: a crash between the two leaves a file that nobody sees, never a document without one.
    """
    await Catalog(app.host.records).remove([one.id for one in documents])
    if app.host.settings.section(DocumentsSettings).embeddings_url is not None:
        for one in documents:
            await vectors_of(app.host).remove(Owned.DOCUMENT, one.id)
    for one in documents:
        if one.blob_key is not None:
            await app.host.blobs.remove(one.blob_key)


async def query(request: Request) -> Response:
    """
    Ask the caller's documents.
    """
    who = caller(request)
    who.require_whole()
    settings = app.host.settings.section(DocumentsSettings)
    if request.method == "GET":
        wanted = read_query(request, AskQuery, app.host.settings.http)
    else:
        wanted = await read_json(request, AskQuery)
    text = checked_question(wanted.query or wanted.question or "")
    question = Question(
        text=text,
        collection=wanted.collection or settings.collection,
        limit=wanted.top_k,
        language=wanted.language,
        retrieval=retrieval_of(wanted.retrieval, settings),
    )
    found = await find(app.host, who.user, who.identity.tenant, question)
    told = "".join([piece async for piece in compose(app.host, question, found.hits)])
    sources = [cited(hit) for hit in found.hits]
    metadata = {
        "model": model_name(settings),
        "sources": len(sources),
        "language": wanted.language,
        "ranking": found.ranking,
        "retrieval": question.retrieval.value,
    }
    return answered(
        {
            "query": text,
            "answer": told,
            "sources": sources,
            "citations": sources,
            "metadata": metadata,
        }
    )


async def get_csv(request: Request) -> Response:
    """
    The same as a table, all of it.
    """
    who = caller(request)
    who.require_whole()
    wanted = read_query(request, HistoryQuery, app.host.settings.http).wanted()
    headers = {"content-disposition": 'attachment; filename="documents.csv"'}
    return StreamingResponse(
        _lines(who.user, wanted), media_type="text/csv; charset=utf-8", headers=headers
    )


async def _lines(owner: str, wanted: Wanted) -> AsyncGenerator[str, None]:
    catalog, offset = Catalog(app.host.records), 0
    # The mark tells spreadsheets that it is UTF-8.
    yield "\ufeff" + ",".join(COLUMNS) + "\r\n"
    while True:
        documents, _ = await catalog.documents(
            owner, wanted=wanted, limit=EXPORTED_AT_ONCE, offset=offset
        )
        for one in documents:
            row = _shown(one)
            yield ",".join(_cell(row[name]) for name in COLUMNS) + "\r\n"
        if len(documents) < EXPORTED_AT_ONCE:
            return
        offset += len(documents)


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    if text.startswith(("=", "+", "-", "@", "\t", "\r")):
        # A spreadsheet would calculate it.
        text = f"'{text}"
    return f'"{text.replace(chr(34), chr(34) * 2)}"'


def _ms(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    known = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(known.timestamp() * 1000)


async def reindex(request: Request) -> Response:
    """
    Read a document anew from its file, with the settings of now, or cut as the body says. It is found as it was until the new one is ready.
    """
    who = caller(request)
    document = await _own(request)
    wanted = await read_json(request, ReindexRequest)
    count_start(request)
    settings = app.host.settings.section(DocumentsSettings)
    cutting = of_ingest(wanted.preset, wanted.chunking_strategy, settings)
    collection = await Catalog(app.host.records).collection_of(document.id)
    if document.blob_key is None or collection is None:
        raise NotFound(
            f"the file of document {document.id} is no longer kept", code="document_not_found"
        )
    collection_id, name = collection
    source = Source(
        key=document.blob_key,
        name=document.filename,
        size=document.file_size,
        sha256=document.content_hash.partition(":")[0],
        metadata=document.metadata,
    )
    handle = await ingest.using(
        owner=document.owner,
        tenant=who.identity.tenant,
        unique=f"documents.reindex:{document.id}",
    ).submit(
        sources=[msgspec.to_builtins(source)],
        collection=name,
        collection_id=collection_id,
        tokens=cutting.tokens,
        overlap=cutting.overlap,
        strategy=cutting.strategy.value,
        title=document.filename,
        on_duplicate=OnDuplicate.KEEP.value,
        replaces=document.id,
    )
    message = f"{document.filename} is read anew"
    return answered(
        {"job_id": handle.id, "file": document.filename, "status": "queued", "message": message}
    )


def _shown(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "filename": document.filename,
        "chunks": document.chunks,
        "uploaded_at": iso_z(document.uploaded_ms),
        "pages": document.pages,
        "file_size": document.file_size,
        "mime_type": document.mime_type,
        "language": document.language,
        "title": document.title,
        "author": document.author,
        "dated": document.dated,
        "keywords": document.keywords,
        "job_id": document.job_id,
        "version": document.version,
    }


async def _own(request: Request) -> Document:
    who = caller(request)
    who.require_whole()
    document_id = request.path_params["document_id"]
    document = await Catalog(app.host.records).document(document_id)
    if document is None or (document.owner != who.user and not who.is_admin):
        raise NotFound(f"there is no document {document_id}", code="document_not_found")
    return document


def _is_async(request: Request, settings: DocumentsSettings) -> bool:
    chosen = request.query_params.get("async")
    return settings.is_async if chosen is None else chosen.lower() not in ("false", "0", "no")


def policy_of(text: str) -> OnDuplicate:
    """
    Raises:
        InvalidRequest: There is no such policy.
    """
    return one_of(OnDuplicate, text, "on_duplicate")


described(router, "POST", "/ingest", post_ingest)
described(router, "GET", "/ingest/status/{job_id}", get_status)
described(router, "GET", "/ingest/history", get_history)
described(router, "GET", "/ingest/history.csv", get_csv)
described(router, "POST", "/documents/{document_id}/reindex", reindex, body=ReindexRequest)
described(router, "GET", "/documents/{document_id}", get_document)
described(router, "DELETE", "/documents/{document_id}", delete_document)
described(router, "DELETE", "/documents", delete_documents)
described(router, "POST", "/query", query, name="ask")
described(router, "GET", "/query", query, name="ask_by_address")
