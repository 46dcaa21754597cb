"""
Public repositories of GitHub as files of a batch. Callers give names, never an address: the only host that is asked is that of the settings,
and where it would lead on to is not followed.
"""

import re
import zipfile
import zlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from stat import S_ISLNK
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import anyio
import anyio.to_thread
import httpx2 as httpx
import msgspec

from avance import Avance, Job
from avance.apps.documents.batch_work import add, close, parent_of, refuse, standing
from avance.apps.documents.batches import Batch, Batches
from avance.apps.documents.leftovers import leave
from avance.apps.documents.model import EXTENSIONS, OnDuplicate, Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tasks import fetch_repository
from avance.apps.reading import Unreadable, is_plain, parts_of, sniff
from avance.errors import Conflict, InvalidRequest, NotFound, TooLarge, Unavailable

SOURCE = "github"
NO_URL = "none"
"""The setting that says that nothing is to be fetched."""
PATTERNS_MAX = 50
PATTERN_CHARS_MAX = 200
PATH_CHARS_MAX = 255
ENTRIES_MAX = 100_000
"""Files and folders of one archive, whether wanted or not."""
READ_BYTES = 262_144
CONNECT_TIMEOUT_S = 10.0
SILENCE_S_MAX = 60.0
_PAGE = re.compile(
    r"https://github\.com/(?P<owner>[A-Za-z0-9][A-Za-z0-9-]{0,38})/(?P<name>[A-Za-z0-9._-]{1,100})"
)
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*){0,9}")


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    owner: str
    name: str
    branch: str | None
    patterns: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.owner}/{self.name}" + (f" ({self.branch})" if self.branch else "")

    @property
    def archive(self) -> str:
        """
        Where its archive is, below the address of the settings.
        """
        of_what = "HEAD" if self.branch is None else f"refs/heads/{self.branch}"
        return f"/{self.owner}/{self.name}/zip/{of_what}"

    def page_of(self, path: str) -> str:
        """
        Where a person reads a file of it.
        """
        return f"https://github.com/{self.owner}/{self.name}/blob/{self.branch or 'HEAD'}/{quote(path)}"

    def wants(self, path: str) -> bool:
        if not path.lower().endswith(EXTENSIONS):
            return False
        name = path.rpartition("/")[2]
        return not self.patterns or any(
            fnmatchcase(path if "/" in one else name, one) for one in self.patterns
        )


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """
    A file of the archive.
    """

    name: str
    path: str
    """Likewise, below the folder that holds everything."""
    size: int


def repository_of(
    url: str, branch: str | None, patterns: tuple[str, ...], settings: DocumentsSettings
) -> Repository:
    """
    Raises:
        InvalidRequest: It is no address of a repository (code `repository_url`), or this server fetches none (`repositories_off`).
    """
    if settings.github_url == NO_URL:
        raise InvalidRequest(
            "this server fetches no repositories; send the files to `/batch/{id}/upload`",
            code="repositories_off",
        )
    found = _PAGE.fullmatch(url.strip().removesuffix("/").removesuffix(".git"))
    if found is None or found["name"] in (".", ".."):
        raise InvalidRequest(
            f"{url!r} is no repository; write it as https://github.com/owner/name",
            code="repository_url",
        )
    if branch is not None and (_BRANCH.fullmatch(branch) is None or ".." in branch):
        raise InvalidRequest(f"{branch!r} is no name of a branch", code="repository_url")
    return Repository(owner=found["owner"], name=found["name"], branch=branch, patterns=patterns)


async def begin(host: Avance, batch: Batch, repository: Repository, policy: OnDuplicate) -> str:
    """
    Queue the fetching below the parent of the batch, without any weight: the bar is that of the files.

    Raises:
        Conflict: Another repository is fetched into it.
    """
    found = await standing(host, batch.id)
    if found.is_importing:
        raise Conflict(
            f"files are being fetched into the batch {batch.id}; wait for the end of job {found.batch.import_job_id}",
            code="job_state",
            job_id=found.batch.import_job_id,
        )
    while True:
        parent_id = await parent_of(host, await Batches(host.records).get(batch.id))
        try:
            handle = await fetch_repository.using(
                owner=batch.owner,
                tenant=batch.tenant,
                parent_id=parent_id,
                weight=0.0,
                unique=batch.id,
            ).submit(
                batch_id=batch.id,
                owner=repository.owner,
                name=repository.name,
                branch=repository.branch,
                patterns=list(repository.patterns),
                title=repository.title,
                on_duplicate=policy.value,
            )
        except Conflict as error:
            if error.code != "job_state":
                raise
            # The parent ended meanwhile, by another request; there is a next one.
            continue
        await Batches(host.records).import_by(batch.id, handle.id)
        # It ends after the fetching, which is below it, and all that comes of that.
        await close(host, parent_id)
        return handle.id


async def fetch_into(
    host: Avance, batch_id: str, repository: Repository, policy: OnDuplicate, job: Job
) -> dict[str, object]:
    """
    Fetch the archive, and queue each wanted file of it. A second attempt goes on where the first one ended.
    """
    settings = host.settings.section(DocumentsSettings)
    batches = Batches(host.records)
    batch = await batches.get(batch_id)
    await batches.import_by(batch_id, job.id)
    key = f"documents/{job.id}/archive"
    # So that it goes even if nobody is left to remove it below.
    await leave(host, [key])
    try:
        with job.phase("fetching"):
            await _fetch(host, key, repository, settings, job)
        async with host.blobs.local(key) as path:
            entries = await anyio.to_thread.run_sync(partial(_entries, path, repository))
            await _check(batches, batch, entries, settings)
            with job.phase("unpacking"):
                taken = await _unpack(host, batch, path, entries, repository, policy, job)
    finally:
        with anyio.CancelScope(shield=True):
            await host.blobs.remove(key)
    return {"files": len(entries), "queued": taken}


async def _fetch(
    host: Avance, key: str, repository: Repository, settings: DocumentsSettings, job: Job
) -> None:
    url = f"{settings.github_url.rstrip('/')}{repository.archive}"
    timeout = httpx.Timeout(SILENCE_S_MAX, connect=CONNECT_TIMEOUT_S)
    # It loads certificates from the disk, which is nothing for the loop.
    make = partial(httpx.AsyncClient, timeout=timeout, follow_redirects=False)
    try:
        with anyio.fail_after(settings.github_s_max):
            async with (
                await anyio.to_thread.run_sync(make) as client,
                client.stream("GET", url) as answer,
            ):
                _check_answer(answer, repository)
                pieces = _told(answer, job)
                await host.blobs.put(key, pieces, bytes_max=settings.github_bytes_max)
    except (httpx.HTTPError, TimeoutError) as error:
        raise Unavailable(
            f"{repository.title} cannot be fetched from {settings.github_url}: {type(error).__name__} {error}".rstrip(),
            code="repository_unavailable",
        ) from error


def _check_answer(answer: httpx.Response, repository: Repository) -> None:
    if answer.status_code == 404:
        raise NotFound(
            f"there is no public repository {repository.title}; look at its name and branch",
            code="repository_not_found",
        )
    if answer.status_code != 200:
        raise Unavailable(
            f"{repository.title} cannot be fetched: the answer was {answer.status_code}; try later",
            code="repository_unavailable",
        )


async def _told(answer: httpx.Response, job: Job) -> AsyncGenerator[bytes, None]:
    # Archives are made while they are sent: mostly nobody knows how long one will be.
    length = answer.headers.get("content-length", "")
    total, come = int(length) if length.isdigit() else None, 0
    async with aclosing(answer.aiter_bytes()) as pieces:
        async for piece in pieces:
            yield piece
            come += len(piece)
            job.progress(current=come, total=max(total, come) if total else None, unit="byte")


def _entries(path: Path, repository: Repository) -> list[Entry]:
    found = parts_of(path, f"the archive of {repository.title}", code="repository_damaged")
    if len(found) > ENTRIES_MAX:
        raise TooLarge(
            f"{repository.title} has {len(found)} files and folders; the limit is {ENTRIES_MAX}",
            limit=ENTRIES_MAX,
        )
    entries = [
        Entry(name=one.filename, path=one.filename.partition("/")[2], size=one.file_size)
        for one in found
        # What a link leads to lies elsewhere.
        if not one.is_dir() and not S_ISLNK(one.external_attr >> 16)
    ]
    return [
        one
        for one in entries
        if repository.wants(one.path) and len(one.path) <= PATH_CHARS_MAX and one.path.isprintable()
    ]


async def _check(
    batches: Batches, batch: Batch, entries: Sequence[Entry], settings: DocumentsSettings
) -> None:
    if not entries:
        raise InvalidRequest(
            f"nothing in it is wanted and of a kind that is read: {', '.join(EXTENSIONS)}",
            code="repository_empty",
        )
    counts = await batches.counts(batch.id)
    if counts.total + len(entries) > settings.upload_files_max:
        raise InvalidRequest(
            f"{counts.total + len(entries)} files; the limit of one batch is {settings.upload_files_max}: name fewer by include_patterns",
            code="too_many_documents",
        )
    size = counts.total_size_bytes + sum(one.size for one in entries)
    if size > settings.upload_bytes_max:
        raise TooLarge(
            f"the files have {size} bytes together; the limit of one batch is {settings.upload_bytes_max}: name fewer by include_patterns",
            limit=settings.upload_bytes_max,
        )


async def _unpack(
    host: Avance,
    batch: Batch,
    path: Path,
    entries: Sequence[Entry],
    repository: Repository,
    policy: OnDuplicate,
    job: Job,
) -> int:
    settings = host.settings.section(DocumentsSettings)
    archive = await anyio.to_thread.run_sync(zipfile.ZipFile, path)
    parents: set[str] = set()
    taken = 0
    try:
        for number, entry in enumerate(entries, start=1):
            file_id = str(uuid5(NAMESPACE_URL, f"{job.id}/{entry.path}"))
            folder = str(uuid5(NAMESPACE_URL, f"{file_id}/job"))
            if job.attempt > 1 and await _is_queued(host, folder):
                taken += 1
                continue
            try:
                source = await _keep(host, archive, entry, folder, repository, settings)
            except (Unreadable, TooLarge) as error:
                await refuse(
                    host,
                    batch,
                    entry.path,
                    entry.size,
                    error.message,
                    file_id=file_id,
                    source_type=SOURCE,
                )
            else:
                _, parent_id = await add(
                    host, batch, source, policy, folder, file_id=file_id, source_type=SOURCE
                )
                parents.add(parent_id)
                taken += 1
            job.progress(current=number, total=len(entries), unit="file")
    finally:
        archive.close()
    for parent_id in parents:
        await close(host, parent_id)
    return taken


async def _is_queued(host: Avance, job_id: str) -> bool:
    try:
        await host.jobs.get(job_id)
    except NotFound:
        return False
    return True


async def _keep(
    host: Avance,
    archive: zipfile.ZipFile,
    entry: Entry,
    folder: str,
    repository: Repository,
    settings: DocumentsSettings,
) -> Source:
    key = f"documents/{folder}/0"
    kept = await host.blobs.put(key, _pieces(archive, entry), bytes_max=settings.file_bytes_max)
    try:
        async with host.blobs.local(key) as path:
            await anyio.to_thread.run_sync(sniff, path, entry.path)
    except Unreadable:
        await host.blobs.remove(key)
        raise
    return Source(
        key=key,
        name=entry.path,
        size=kept.size,
        sha256=kept.sha256 or "",
        metadata={"repository": repository.title, "url": repository.page_of(entry.path)},
    )


async def _pieces(archive: zipfile.ZipFile, entry: Entry) -> AsyncGenerator[bytes, None]:
    if not is_plain(archive.getinfo(entry.name)):
        raise Unreadable(
            f"{entry.path} is locked, or packed in a way that GitHub does not use; upload it by itself",
            code="document_kind",
        )
    try:
        stream = await anyio.to_thread.run_sync(archive.open, entry.name)
        with stream:
            while data := await anyio.to_thread.run_sync(stream.read, READ_BYTES):
                yield data
    # By these the library tells of damage in what is stored or deflated.
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise Unreadable(
            f"{entry.path} is damaged in the archive: {error}", code="document_damaged"
        ) from error
