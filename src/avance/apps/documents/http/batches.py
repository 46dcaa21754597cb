"""
Batches: docs/contract/ingest.md, 3.4.
"""

from typing import Annotated, Any
from uuid import uuid4

import msgspec
from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from avance.apps.documents import app
from avance.apps.documents.batch_work import (
    add,
    again,
    cancel,
    close,
    refuse,
    shown,
    shown_file,
    standing,
    statistics,
)
from avance.apps.documents.batches import Batch, Batches, BatchFile, FileStatus, not_found
from avance.apps.documents.http.files import form_of, keep_file, name_of, new_folder
from avance.apps.documents.http.ingest import answered, policy_of
from avance.apps.documents.http.uploads import COLLECTION
from avance.apps.documents.model import EXTENSIONS, OnDuplicate
from avance.apps.documents.repository import (
    PATTERN_CHARS_MAX,
    PATTERNS_MAX,
    begin,
    repository_of,
)
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.reading import Unreadable
from avance.errors import Conflict, InvalidRequest, NotFound, TooLarge
from avance.web import caller, count_start, described, read_json, read_query

router = APIRouter(prefix="/batch", tags=["batches"])


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    collection_name: Annotated[str, msgspec.Meta(pattern=COLLECTION)] | None = None
    description: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class RepositoryRequest(msgspec.Struct, frozen=True, kw_only=True):
    repo_url: Annotated[str, msgspec.Meta(max_length=300)]
    """As its page is called: `https://github.com/owner/name`."""
    branch: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Without it, the one that the repository shows first."""
    include_patterns: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=PATTERN_CHARS_MAX)]],
        msgspec.Meta(max_length=PATTERNS_MAX),
    ] = []
    """Such as `docs/*.md` or `*.pdf`; `*` stands for anything. Without them, every file of a kind that is read."""
    on_duplicate: str = "skip"


class RetryRequest(msgspec.Struct, frozen=True, kw_only=True):
    document_ids: Annotated[list[str], msgspec.Meta(max_length=10_000)] | None = None
    """Of the files to try again; without it, all that failed."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 50
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


class FilePage(msgspec.Struct, frozen=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


async def create(request: Request) -> Response:
    """
    Begin a batch; files come with the next call.
    """
    who = caller(request)
    who.require_whole()
    count_start(request)
    wanted = await read_json(request, BatchRequest)
    settings = app.host.settings.section(DocumentsSettings)
    batch = Batch(
        id=str(uuid4()),
        owner=who.user,
        tenant=who.identity.tenant,
        name=wanted.name,
        description=wanted.description,
        collection=wanted.collection_name or settings.collection,
        job_id=None,
        created_ms=app.host.clock.now_ms(),
    )
    await Batches(app.host.records).add(batch)
    message = f"{batch.name} waits for its files"
    return answered({"batch_id": batch.id, "status": "pending", "message": message})


async def upload(request: Request) -> Response:
    """
    Add files to a batch, in as many calls as it takes. Each is read by a job of its own; one that cannot be taken is told, and the others go on.
    """
    batch = await _own(request)
    count_start(request)
    settings = app.host.settings.section(DocumentsSettings)
    counts = await Batches(app.host.records).counts(batch.id)
    told, parents, size = [], set(), counts.total_size_bytes
    async with form_of(request, settings) as form:
        policy = policy_of(str(form.get("on_duplicate") or "skip"))
        given = [*form.getlist("files"), *form.getlist("files[]")]
        files = [one for one in given if not isinstance(one, str)]
        if not files:
            raise InvalidRequest("there are no files; send them in the field `files`")
        if counts.total + len(files) > settings.upload_files_max:
            raise InvalidRequest(
                f"{counts.total + len(files)} files; the limit of one batch is {settings.upload_files_max}",
                code="too_many_documents",
            )
        for one in files:
            size += one.size or 0
            file, parent_id = await _take(batch, one, policy, settings, size)
            told.append(file)
            if parent_id is not None:
                parents.add(parent_id)
    for parent_id in parents:
        await close(app.host, parent_id)
    return answered([_queued(file) for file in told])


async def _take(
    batch: Batch, one: UploadFile, policy: OnDuplicate, settings: DocumentsSettings, size: int
) -> tuple[BatchFile, str | None]:
    folder = new_folder()
    try:
        if size > settings.upload_bytes_max:
            raise TooLarge(
                f"the files of the batch are over {settings.upload_bytes_max} bytes together",
                limit=settings.upload_bytes_max,
            )
        name = name_of(one, EXTENSIONS)
        bytes_max = settings.file_bytes_max
        source = await keep_file(app.host, folder, 0, one, name, bytes_max=bytes_max)
    except (Unreadable, TooLarge) as error:
        name = (one.filename or "").rpartition("/")[2][:255] or "unknown"
        return await refuse(app.host, batch, name, one.size or 0, error.message), None
    return await add(app.host, batch, source, policy, folder)


def _queued(file: BatchFile) -> dict[str, Any]:
    told = {"document_id": file.id, "filename": file.filename, "job_id": file.job_id}
    if file.status is FileStatus.FAILED:
        return {**told, "status": "failed", "error": file.error_message}
    return {**told, "status": "queued"}


async def take_repository(request: Request) -> Response:
    """
    Put the files of a public repository of GitHub into a batch. They are fetched by a job, and each is read by one of its own.
    """
    batch = await _own(request)
    count_start(request)
    wanted = await read_json(request, RepositoryRequest)
    settings = app.host.settings.section(DocumentsSettings)
    repository = repository_of(
        wanted.repo_url, wanted.branch, tuple(wanted.include_patterns), settings
    )
    job_id = await begin(app.host, batch, repository, policy_of(wanted.on_duplicate))
    return answered(
        {
            "batch_id": batch.id,
            "job_id": job_id,
            "status": "queued",
            "message": f"{repository.title} waits to be fetched",
        }
    )


async def get_status(request: Request) -> Response:
    """
    How a batch is, with its files.
    """
    batch = await _own(request)
    wanted = read_query(request, FilePage, app.host.settings.http)
    found = await standing(app.host, batch.id)
    files = await Batches(app.host.records).files(batch.id, wanted.limit, wanted.offset)
    return answered(
        {
            "batch": shown(found),
            "documents": [shown_file(file) for file in files],
            "statistics": statistics(found.counts),
            "progress_percentage": found.percent,
        }
    )


async def list_batches(request: Request) -> Response:
    """
    The caller's batches, newest first.
    """
    who = caller(request)
    who.require_whole()
    wanted = read_query(request, Page, app.host.settings.http)
    batches, total = await Batches(app.host.records).of(who.user, wanted.limit, wanted.offset)
    found = [await standing(app.host, batch.id) for batch in batches]
    return answered({"batches": [shown(one) for one in found], "total": total})


async def cancel_batch(request: Request) -> Response:
    """
    End what is still read; what is done stays.
    """
    batch = await _own(request)
    await cancel(app.host, batch)
    found = await standing(app.host, batch.id)
    return answered({"batch": shown(found), "statistics": statistics(found.counts)})


async def retry(request: Request) -> Response:
    """
    Try what failed once more, or of that the named documents alone. Each is a new job below the parent of the batch, or after its end below a next
    one, and counts as one file.
    """
    batch = await _own(request)
    count_start(request)
    wanted = (await read_json(request, RetryRequest)).document_ids
    # Those whose jobs ended without a word are settled first.
    await standing(app.host, batch.id)
    failed = await Batches(app.host.records).failed_files(batch.id)
    told, parents = [], set()
    for file in failed:
        if wanted is not None and file.id not in wanted:
            continue
        try:
            tried, parent_id = await again(app.host, batch, file)
        except (Conflict, NotFound) as error:
            told.append(msgspec.structs.replace(file, error_message=error.message))
            continue
        parents.add(parent_id)
        if tried is not None:
            told.append(tried)
    for parent_id in parents:
        await close(app.host, parent_id)
    if not told:
        raise Conflict(
            f"no file of the batch {batch.id} that was asked for has failed", code="job_state"
        )
    return answered([_queued(file) for file in told])


async def delete(request: Request) -> Response:
    """
    Forget a batch; its documents stay in their collection.
    """
    batch = await _own(request)
    await Batches(app.host.records).remove(batch.id)
    return answered({"success": True, "message": f"{batch.name} was removed", "deleted_count": 1})


async def _own(request: Request) -> Batch:
    who = caller(request)
    who.require_whole()
    batch_id = request.path_params["batch_id"]
    batch = await Batches(app.host.records).get(batch_id)
    if batch.owner != who.user and not who.is_admin:
        raise not_found(batch_id)
    return batch


described(router, "POST", "/create", create, body=BatchRequest)
described(router, "GET", "/list", list_batches)
described(router, "POST", "/{batch_id}/upload", upload)
described(router, "POST", "/{batch_id}/github", take_repository, body=RepositoryRequest)
described(router, "GET", "/{batch_id}/status", get_status)
described(router, "POST", "/{batch_id}/cancel", cancel_batch)
described(router, "POST", "/{batch_id}/retry", retry, body=RetryRequest)
described(router, "DELETE", "/{batch_id}", delete)
