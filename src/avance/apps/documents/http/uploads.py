"""
docs/contract/uploads.md, 3.1.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance import State
from avance.apps.documents import app
from avance.apps.documents.asking import (
    Found,
    Question,
    checked_question,
    compose,
    find,
    model_name,
    quoted,
    retrieval_of,
)
from avance.apps.documents.catalog import Catalog
from avance.apps.documents.cutting import of_upload
from avance.apps.documents.http.files import (
    check_sizes,
    form_of,
    keep_file,
    keep_text,
    name_of,
    new_folder,
)
from avance.apps.documents.http.ingest import answered, policy_of, start
from avance.apps.documents.model import OnDuplicate, Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.text.strategies import Cutting
from avance.apps.documents.uploads_socket import TASK, Course
from avance.apps.documents.vectors import Owned, vectors_of
from avance.apps.documents.words import failure, iso_z
from avance.apps.reading import Unreadable
from avance.errors import AvanceError, InvalidRequest, NotFound
from avance.web import Caller, caller, check_reads, count_start, described, job_not_found, read_json

EXTENSIONS = (".txt", ".md", ".pdf", ".docx", ".html", ".xlsx", ".py", ".json")
COLLECTION = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
QUESTIONS_MAX = 20
EVENTS_A_READ = 1_000
PASSAGES_OF = {"general": None, "specific": 3, "research": 10, "complex": 8}
"""How many passages a kind of question looks at; None is what the settings say."""

router = APIRouter(tags=["uploads"])


class TextDocument(msgspec.Struct, frozen=True, kw_only=True):
    content: str
    source: Annotated[str, msgspec.Meta(max_length=255)] = "unknown"
    metadata: dict[str, Any] = {}


class UploadRequest(msgspec.Struct, frozen=True, kw_only=True):
    documents: Annotated[list[TextDocument], msgspec.Meta(min_length=1)]
    collection_name: Annotated[str, msgspec.Meta(pattern=COLLECTION)] | None = None
    force_recreate: bool = False
    on_duplicate: str = "skip"
    """`skip`, `replace` or `keep`."""
    preset: str | None = None
    """`low`, `standard`, `high` or `premium`: how long passages are; without it, as the settings say."""
    chunking_strategy: str | None = None
    """`recursive`, `semantic`, `markdown`, `html`, `python_code` or `json`: where texts are cut; without it, as the settings say."""


class QuestionRequest(msgspec.Struct, frozen=True, kw_only=True):
    question: str
    query_type: str = "general"
    k: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    collection_name: Annotated[str, msgspec.Meta(pattern=COLLECTION)] | None = None
    language: str = "en"
    retrieval: str | None = None
    """`similarity` or `mmr`; without it, as the settings say."""


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    query: str
    query_type: str = "general"
    k: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    collection_name: Annotated[str, msgspec.Meta(pattern=COLLECTION)] | None = None
    retrieval: str | None = None
    """As for a question."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    An upload, whichever way it came.
    """

    folder: str
    sources: list[Source]
    collection: str
    force_recreate: bool
    policy: OnDuplicate
    cutting: Cutting


Endpoint = Callable[[Request], Awaitable[Response]]


def with_shape(endpoint: Endpoint) -> Endpoint:
    """
    Errors as this contract words them, `{error, detail, timestamp}`, with the code and values of ours beside.
    """

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except AvanceError as error:
            if error.status >= 500 or error.status in (401, 429):
                raise
            body = {
                "error": error.code,
                "detail": error.message,
                "timestamp": iso_z(app.host.clock.now_ms()),
                "code": error.code,
                "status": error.status,
            }
            return answered(body, error.status)

    return answer


@with_shape
async def post_upload(request: Request) -> Response:
    """
    Take documents, as JSON or as files, and read them in the background.
    """
    upload_id, count = await _begin(request)
    return answered(
        {
            "upload_id": upload_id,
            "status": "received",
            "message": f"Upload received. Total documents: {count}",
            "timestamp": app.host.clock.now_ms() // 1000,
        }
    )


async def _begin(request: Request) -> tuple[str, int]:
    who = caller(request)
    who.require_whole()
    count_start(request)
    settings = app.host.settings.section(DocumentsSettings)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        wanted = await _of_form(request, settings)
    else:
        wanted = await _of_json(request, settings)
    check_sizes(wanted.sources, settings)
    upload_id = await start(
        who,
        wanted.folder,
        wanted.sources,
        wanted.collection,
        wanted.policy,
        settings,
        upload=wanted.cutting,
        force_recreate=wanted.force_recreate,
    )
    return upload_id, len(wanted.sources)


async def _of_json(request: Request, settings: DocumentsSettings) -> Wanted:
    body = await read_json(request, UploadRequest)
    if len(body.documents) > settings.upload_files_max:
        raise InvalidRequest(
            f"{len(body.documents)} documents; the limit of one upload is {settings.upload_files_max}",
            code="too_many_documents",
        )
    policy = policy_of(body.on_duplicate)
    cutting = of_upload(body.preset, body.chunking_strategy, settings)
    empty = [number for number, one in enumerate(body.documents) if not one.content.strip()]
    if empty:
        raise InvalidRequest(f"document {empty[0]} has no content", code="document_empty")
    folder = new_folder()
    sources = [
        # As text, whatever the name says: the content came as text.
        await keep_text(app.host, folder, number, one.content, _text_name(one.source), one.metadata)
        for number, one in enumerate(body.documents)
    ]
    return Wanted(
        folder=folder,
        sources=sources,
        collection=body.collection_name or settings.upload_collection,
        force_recreate=body.force_recreate,
        policy=policy,
        cutting=cutting,
    )


def _text_name(source: str) -> str:
    name = source.strip() or "unknown"
    return name if name.lower().endswith((".txt", ".md")) else f"{name}.txt"


async def _of_form(request: Request, settings: DocumentsSettings) -> Wanted:
    folder = new_folder()
    async with form_of(request, settings) as form:
        fields = {name: str(value) for name, value in form.items() if isinstance(value, str)}
        collection = fields.get("collection_name") or settings.upload_collection
        msgspec.convert(
            {"documents": [{"content": "x"}], "collection_name": collection}, UploadRequest
        )
        policy = policy_of(fields.get("on_duplicate") or "skip")
        cutting = of_upload(fields.get("preset"), fields.get("chunking_strategy"), settings)
        files = [file for file in form.getlist("files") if not isinstance(file, str)]
        if not files:
            raise InvalidRequest("there are no files; send them in the field `files`")
        named = [(name_of(file, EXTENSIONS), file) for file in files]
        bytes_max = settings.file_bytes_max
        sources = [
            await keep_file(app.host, folder, number, file, name, bytes_max=bytes_max)
            for number, (name, file) in enumerate(named)
        ]
    return Wanted(
        folder=folder,
        sources=sources,
        collection=collection,
        force_recreate=fields.get("force_recreate", "").lower() in ("true", "1", "yes"),
        policy=policy,
        cutting=cutting,
    )


@with_shape
async def get_upload(request: Request) -> Response:
    """
    Where an upload is: the frame that its socket would show now.
    """
    job = await app.host.jobs.get(request.path_params["upload_id"])
    check_reads(caller(request), job)
    if job.kind != TASK:
        raise job_not_found(job.id)
    course, last = Course(job.id), None
    since = 0
    while True:
        page = await app.host.jobs.events(job.id, since=since, limit=EVENTS_A_READ)
        for publication in page.publications:
            for frame in course.tell(msgspec.json.decode(publication.data)):
                last = frame
        if not page.publications or page.publications[-1].offset >= page.top.offset:
            break
        since = page.publications[-1].offset
    if last is None:
        raise NotFound(f"the course of upload {job.id} is no longer kept", code="upload_expired")
    return answered(last)


@with_shape
async def post_initialize(request: Request) -> Response:
    """
    As `/upload`, answered when everything is read.
    """
    upload_id, _ = await _begin(request)
    job = await app.host.jobs.ended(upload_id)
    if job.state is not State.COMPLETED:
        error = None if job.error is None else {"message": job.error.message}
        raise Unreadable(
            failure(job.state, error),
            code="document_unreadable" if job.error is None else job.error.code,
        )
    result = msgspec.json.decode(await app.host.jobs.result(upload_id))
    return answered({"status": "success", **result["metrics"]})


@with_shape
async def post_question(request: Request) -> Response:
    """
    Ask a collection.
    """
    who = caller(request)
    who.require_whole()
    return answered(await _asked(who, await read_json(request, QuestionRequest)))


@with_shape
async def post_batch_questions(request: Request) -> Response:
    """
    Ask several questions.
    """
    who = caller(request)
    who.require_whole()
    try:
        questions = msgspec.json.decode(await request.body(), type=list[QuestionRequest])
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the body is not a list of questions: {error}") from error
    if not 1 <= len(questions) <= QUESTIONS_MAX:
        raise InvalidRequest(
            f"{len(questions)} questions; send 1 to {QUESTIONS_MAX}", code="too_many_questions"
        )
    return answered([await _asked(who, one) for one in questions])


async def _asked(who: Caller, wanted: QuestionRequest) -> dict[str, Any]:
    clock, settings = app.host.clock, app.host.settings.section(DocumentsSettings)
    began_s = clock.monotonic_s()
    question = Question(
        text=checked_question(wanted.question),
        collection=wanted.collection_name or settings.upload_collection,
        limit=_limit(wanted.query_type, wanted.k, settings),
        language=wanted.language,
        retrieval=retrieval_of(wanted.retrieval, settings),
    )
    found = await find(app.host, who.user, who.identity.tenant, question)
    found_s = clock.monotonic_s()
    told = "".join([piece async for piece in compose(app.host, question, found.hits)])
    ended_s = clock.monotonic_s()
    return {
        "answer": told,
        "query_type": wanted.query_type,
        "documents_used": len({hit.document_id for hit in found.hits}),
        "sources": list(dict.fromkeys(hit.filename for hit in found.hits)),
        "retrieval_time_ms": round((found_s - began_s) * 1000, 1),
        "generation_time_ms": round((ended_s - found_s) * 1000, 1),
        "total_time_ms": round((ended_s - began_s) * 1000, 1),
        "model": model_name(settings),
    }


@with_shape
async def post_search(request: Request) -> Response:
    """
    Find passages.
    """
    who = caller(request)
    who.require_whole()
    wanted = await read_json(request, SearchRequest)
    clock, settings = app.host.clock, app.host.settings.section(DocumentsSettings)
    began_s = clock.monotonic_s()
    question = Question(
        text=checked_question(wanted.query),
        collection=wanted.collection_name or settings.upload_collection,
        limit=_limit(wanted.query_type, wanted.k, settings),
        language="en",
        retrieval=retrieval_of(wanted.retrieval, settings),
    )
    found: Found = await find(app.host, who.user, who.identity.tenant, question)
    documents = [
        {
            "content": quoted(hit.text),
            "source": hit.filename,
            "metadata": {**hit.metadata, "page": hit.page, "score": hit.score},
        }
        for hit in found.hits
    ]
    took_ms = round((clock.monotonic_s() - began_s) * 1000, 1)
    return answered({"documents": documents, "count": len(documents), "search_time_ms": took_ms})


@with_shape
async def get_stats(request: Request) -> Response:
    """
    What the caller has, and how it is read.
    """
    who = caller(request)
    who.require_whole()
    settings = app.host.settings.section(DocumentsSettings)
    cutting = of_upload(None, None, settings)
    collections, documents, chunks = await Catalog(app.host.records).counts(who.user)
    return answered(
        {
            "collections": collections,
            "total_documents": documents,
            "total_chunks": chunks,
            "model": model_name(settings),
            "embeddings": settings.embeddings_model if settings.embeddings_url else None,
            "chunk_size": cutting.tokens,
            "chunk_overlap": cutting.overlap,
            "chunking_strategy": cutting.strategy.value,
            "retrieval": settings.retrieval.value,
        }
    )


@with_shape
async def get_rate_limit_stats(request: Request) -> Response:
    """
    The limit of calls to the model; it never limits requests.
    """
    caller(request)
    settings = app.host.settings.section(DocumentsSettings)
    return answered({"requests_per_minute": settings.llm_calls_per_minute, "applies_to": "model"})


@with_shape
async def delete_collection(request: Request) -> Response:
    """
    Remove a collection of the caller with all that is in it.
    """
    who = caller(request)
    who.require_whole()
    name = request.path_params["name"]
    catalog = Catalog(app.host.records)
    place = await catalog.find(who.user, who.identity.tenant, name)
    if place is None or not await catalog.owns(who.user, place.collection_id):
        raise NotFound(f"there is no collection {name}", code="collection_not_found")
    count = await catalog.remove_collection(place)
    if app.host.settings.section(DocumentsSettings).embeddings_url is not None:
        await vectors_of(app.host).remove(Owned.COLLECTION, place.collection_id)
    message = f"{name} and its {count} documents were removed"
    return answered({"success": True, "message": message, "deleted_count": count})


def _limit(query_type: str, k: int | None, settings: DocumentsSettings) -> int:
    if query_type not in PASSAGES_OF:
        raise InvalidRequest(
            f"query_type is {query_type!r}; use one of: {', '.join(PASSAGES_OF)}",
            code="invalid_request",
        )
    return k or PASSAGES_OF[query_type] or settings.passages


described(router, "POST", "/upload", post_upload, body=UploadRequest)
described(router, "GET", "/upload/{upload_id}", get_upload)
described(router, "POST", "/initialize", post_initialize, body=UploadRequest)
described(router, "POST", "/question", post_question, body=QuestionRequest)
described(router, "POST", "/batch-questions", post_batch_questions)
described(router, "POST", "/search", post_search, body=SearchRequest)
described(router, "GET", "/stats", get_stats)
described(router, "GET", "/rate-limit-stats", get_rate_limit_stats)
described(router, "DELETE", "/collection/{name}", delete_collection)
