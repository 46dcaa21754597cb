"""
From files to passages that can be found: extract, chunk, enrich, index. Every step tells how far it is, and may be repeated after a crash.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, aclosing
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any, Protocol, TypeVar

import anyio.to_thread
import msgspec
from anyio import CancelScope

from avance import Avance
from avance.apps.documents.batches import Batches, FileStatus
from avance.apps.documents.catalog import Catalog, Indexed, mixed_embeddings
from avance.apps.documents.describing import described
from avance.apps.documents.endpoints import ModelUnavailable, embed
from avance.apps.documents.leftovers import leave
from avance.apps.documents.model import Document, OnDuplicate, Place, Source
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tasks import PHASES
from avance.apps.documents.text.chunks import Chunk, cut
from avance.apps.documents.text.entities import entities
from avance.apps.documents.text.keywords import SAMPLE_CHARS, complexity, keywords, summary
from avance.apps.documents.text.language import indexed_languages, language_of
from avance.apps.documents.text.mood import sentiment
from avance.apps.documents.text.stems import stems, words_of
from avance.apps.documents.text.strategies import Cutting
from avance.apps.documents.vectors import Owned, Point, vectors_of
from avance.apps.reading import (
    About,
    Kind,
    Page,
    Unreadable,
    eyes_for,
    read_file,
    read_scans,
    sniff,
)

T = TypeVar("T")
CHUNKS_A_WRITE = 100
STEPS_A_FILE = 100
EACH_UP_TO = 200
"""Above so many pages or passages, the steps of the bar are not single ones."""
STEPS_A_PERCENT = 2
"""But these: half a percent of the whole, as docs/contract/uploads.md, decision 7 allows."""
KEYWORDS_CHARS_MAX = 200_000
"""So much of a document is looked at for what it is about."""
MESSAGES = {
    "chunking": "Chunking documents...",
    "enriching": "Enriching chunks...",
    "indexing": "Indexing content...",
}
NO_EYES = "reading pictures needs the extra `ocr` and Tesseract with the languages of the setting scan_languages"
MIME_TYPES = {
    Kind.PDF: "application/pdf",
    Kind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Kind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Kind.HTML: "text/html",
    Kind.MARKDOWN: "text/markdown",
    Kind.TEXT: "text/plain",
}


class Teller(Protocol):
    """
    What an ingestion tells of itself: a `Job`, or what stands for one on the workers of others.
    """

    @property
    def id(self) -> str: ...

    def phase(self, id: str, /) -> AbstractContextManager[object]: ...

    def progress(
        self, *, current: float, total: float, unit: str | None = None, message: str | None = None
    ) -> None: ...

    def log(self, message: str, *, level: str = "info", **fields: object) -> None: ...


class Draft(msgspec.Struct, kw_only=True):
    """
    A document on its way.
    """

    source: Source
    file_id: str
    kind: Kind
    about: About
    pages: list[Page]
    chunks: list[Chunk] = []
    chunk_ids: list[int] = []
    languages: tuple[str, ...] = ()


class Ingestion:
    """
    One job: some files into one collection.
    """

    def __init__(
        self,
        host: Avance,
        job: Teller,
        *,
        place: Place,
        owner: str,
        cutting: Cutting,
        policy: OnDuplicate,
        fresh: bool,
        is_in_batch: bool = False,
        replaces: str | None = None,
    ) -> None:
        self._host = host
        self._job = job
        self._settings = host.settings.section(DocumentsSettings)
        self._catalog = Catalog(host.records)
        self._place = place
        self._owner = owner
        self._cutting = cutting
        self._policy = policy
        self._fresh = fresh
        self._is_in_batch = is_in_batch
        self._replaces = replaces
        self._duplicates: list[dict[str, Any]] = []
        self._model: tuple[str, int] | None = None
        self._step = 0
        self._is_model_away = False
        self._began_s = host.clock.monotonic_s()

    async def run(self, sources: Sequence[Source]) -> dict[str, Any]:
        """
        Do all of it and answer what the job's result is.
        """
        shown = await self._catalog.of_job(self._job.id)
        if shown:
            # An attempt before this one was killed between its last transaction and its report.
            return await self._again(sources, shown)
        await self._clear()
        try:
            return await self._work(sources)
        except BaseException:
            # Nobody would ever see it, and a manual retry is another job.
            with CancelScope(shield=True):
                await self._clear()
                await leave(self._host, [source.key for source in sources])
            raise

    async def _work(self, sources: Sequence[Source]) -> dict[str, Any]:
        await self._at(FileStatus.PROCESSING)
        drafts = await self._extract(sources)
        await self._chunk(drafts)
        await self._at(FileStatus.CHUNKED)
        await self._enrich(drafts)
        await self._index(drafts)
        return await self._finish(sources, drafts)

    async def _at(self, status: FileStatus) -> None:
        if self._is_in_batch:
            await Batches(self._host.records).tell(self._job.id, status)

    async def _extract(self, sources: Sequence[Source]) -> list[Draft]:
        drafts = []
        with self._job.phase("extracting"):
            self._job.progress(current=0, total=len(sources) * STEPS_A_FILE)
            for position, source in enumerate(sources):
                draft = await self._read(position, len(sources), source)
                if draft is not None:
                    drafts.append(draft)
                self._tell_read(position + 1, 0.0, len(sources))
        return drafts

    def _tell_read(self, files: int, part: float, total: int) -> None:
        step = round((files + part) * STEPS_A_FILE)
        if step != self._step:
            self._step = step
            self._job.progress(current=step, total=total * STEPS_A_FILE)

    async def _read(self, position: int, total: int, source: Source) -> Draft | None:
        if source.sha256 and await self._is_known(source):
            return None
        async with self._host.blobs.local(source.key) as path:
            if not source.sha256:
                # Its bytes went past us, into the bucket.
                digest = await anyio.to_thread.run_sync(_sha256_of, path)
                source = msgspec.structs.replace(source, sha256=digest)
                if await self._is_known(source):
                    return None
            kind = await anyio.to_thread.run_sync(sniff, path, source.name)
            about, pages = await self._pages(path, kind, position, total, source.name)
        file_id = await self._catalog.begin(
            self._place,
            self._job.id,
            position,
            self._owner,
            source,
            MIME_TYPES.get(kind, "application/octet-stream"),
        )
        return Draft(source=source, file_id=file_id, kind=kind, about=about, pages=pages)

    async def _is_known(self, source: Source) -> bool:
        if self._policy is not OnDuplicate.SKIP:
            return False
        same = await self._catalog.duplicate(self._place, source.sha256)
        if same is not None:
            self._told_duplicate(source.name, same.id, same.uploaded_ms)
        return same is not None

    async def _pages(
        self, path: Path, kind: Kind, position: int, total: int, name: str
    ) -> tuple[About, list[Page]]:
        about, pages, read = About(pages=0), [], 0
        async with aclosing(read_file(path, kind)) as told:
            async for one in told:
                if isinstance(one, About):
                    about = one
                    continue
                pages.append(one)
                read += not one.is_scanned
                if about.pages > 1 and _is_step(read, about.pages, PHASES["extracting"]):
                    self._tell_read(position, min(read / about.pages, 1.0), total)
        scanned = [page.number for page in pages if page.is_scanned]
        if scanned:
            seen = await self._look(path, scanned, about.pages, position, total, name)
            pages = [seen.get(page.number, page) for page in pages]
        if not any(page.text.strip() for page in pages):
            raise _without_text(name, is_scanned=bool(scanned))
        return about, pages

    async def _look(
        self, path: Path, numbers: Sequence[int], count: int, position: int, total: int, name: str
    ) -> dict[int, Page]:
        """
        Read the pages that are pictures, if there is something here that can.
        """
        settings = self._settings
        eyes = await anyio.to_thread.run_sync(eyes_for, settings.scan_languages, settings.tessdata)
        if eyes is None:
            self._job.log(
                f"{name}: {len(numbers)} of {count} pages are pictures without text; {NO_EYES}",
                level="warning",
                pages=list(numbers[:100]),
            )
            return {}
        seen: dict[int, Page] = {}
        async with aclosing(read_scans(path, numbers, eyes)) as told:
            async for page in told:
                seen[page.number] = page
                part = (count - len(numbers) + len(seen)) / max(count, 1)
                self._tell_read(position, min(part, 1.0), total)
        self._job.log(
            f"{name}: {len(numbers)} of {count} pages were pictures and were read by OCR",
            pages=list(numbers[:100]),
        )
        return seen

    async def _chunk(self, drafts: Sequence[Draft]) -> None:
        with self._job.phase("chunking"):
            for draft in drafts:
                draft.chunks = await self._passages(draft)
            total, done = sum(len(draft.chunks) for draft in drafts), 0
            self._told("chunking", 0, total)
            for draft in drafts:
                for first, some in _batches(draft.chunks):
                    draft.chunk_ids += await self._catalog.add_chunks(draft.file_id, first, some)
                    for _ in some:
                        done += 1
                        self._told("chunking", done, total)

    async def _passages(self, draft: Draft) -> list[Chunk]:
        # A cancel ends the waiting for a thread and not the thread, which would hold up the end of the server.
        left = Event()
        try:
            return await anyio.to_thread.run_sync(
                partial(
                    cut,
                    draft.pages,
                    draft.kind,
                    self._cutting,
                    is_left=left.is_set,
                )
            )
        finally:
            left.set()

    async def _enrich(self, drafts: Sequence[Draft]) -> None:
        with self._job.phase("enriching"):
            total, done = sum(len(draft.chunks) for draft in drafts), 0
            self._told("enriching", 0, total)
            for draft in drafts:
                await self._describe(draft)
                for first, some in _batches(draft.chunks):
                    found = await anyio.to_thread.run_sync(_details, some, draft.languages)
                    found = await self._improved(some, found)
                    ids = draft.chunk_ids[first : first + len(some)]
                    await self._catalog.enrich(list(zip(ids, found, strict=True)))
                    for _ in some:
                        done += 1
                        self._told("enriching", done, total)

    async def _improved(
        self, chunks: Sequence[Chunk], details: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        if self._settings.metadata_url is None or self._is_model_away:
            return details
        try:
            told = await described(self._host, [chunk.text for chunk in chunks], self._settings)
        except ModelUnavailable as error:
            # What comes from the text alone is there anyhow; a document is not lost for less.
            self._is_model_away = True
            self._job.log(error.message, level="warning")
            return details
        return [one.over(detail) for one, detail in zip(told, details, strict=True)]

    async def _describe(self, draft: Draft) -> None:
        text = "\n".join(page.text for page in draft.pages)
        language = await anyio.to_thread.run_sync(language_of, text)
        draft.languages = indexed_languages(language)
        await self._catalog.describe(
            draft.file_id,
            pages=draft.about.pages,
            chunks=len(draft.chunks),
            language=language,
            title=draft.about.title or _first_line(draft.pages),
            author=draft.about.author,
            dated=draft.about.created,
            keywords=await anyio.to_thread.run_sync(_keywords, text, draft.languages),
        )

    async def _index(self, drafts: Sequence[Draft]) -> None:
        with self._job.phase("indexing"):
            total, done = sum(len(draft.chunks) for draft in drafts), 0
            self._told("indexing", 0, total)
            for draft in drafts:
                for first, some in _batches(draft.chunks, self._indexed_at_once):
                    ids = draft.chunk_ids[first : first + len(some)]
                    await self._catalog.index(await _words(ids, some, draft.languages))
                    if self._settings.embeddings_url is not None:
                        await self._keep_vectors(draft, first, some)
                    for _ in some:
                        done += 1
                        self._told("indexing", done, total)

    @property
    def _indexed_at_once(self) -> int:
        is_embedded = self._settings.embeddings_url is not None
        return self._settings.embeddings_batch if is_embedded else CHUNKS_A_WRITE

    async def _keep_vectors(self, draft: Draft, first: int, chunks: Sequence[Chunk]) -> None:
        found = await self._vectors([chunk.text for chunk in chunks])
        ids = draft.chunk_ids[first : first + len(chunks)]
        await vectors_of(self._host).upsert(
            [
                Point(
                    chunk_id=chunk_id,
                    vector=vector,
                    collection_id=self._place.collection_id,
                    document_id=draft.file_id,
                    job_id=self._job.id,
                    chunk_index=index,
                    content_hash=draft.source.sha256,
                    uploaded_ms=self._host.clock.now_ms(),
                )
                for index, (chunk_id, vector) in enumerate(zip(ids, found, strict=True), first)
            ]
        )

    async def _vectors(self, texts: Sequence[str]) -> list[bytes]:
        found = await embed(texts, self._settings)
        model = (self._settings.embeddings_model, len(found[0]) // 4)
        began = (self._place.embedding_model, self._place.dimensions)
        if began[0] is not None and began != model:
            raise mixed_embeddings(self._place.name, model)
        self._model = model
        return found

    async def _finish(self, sources: Sequence[Source], drafts: Sequence[Draft]) -> dict[str, Any]:
        shown = await self._catalog.finish(
            self._place,
            [draft.file_id for draft in drafts],
            self._policy,
            self._model,
            fresh=self._fresh,
            replaces=self._replaces,
        )
        for draft in drafts:
            if draft.file_id in shown.duplicates:
                same_id = shown.duplicates[draft.file_id]
                same = await self._catalog.document(same_id)
                uploaded_ms = self._host.clock.now_ms() if same is None else same.uploaded_ms
                self._told_duplicate(draft.source.name, same_id, uploaded_ms)
        old = await self._catalog.sweep(self._place.collection_id) if self._fresh else []
        files = [*(source.key for source in sources), *shown.files, *(key for _, key in old if key)]
        await self._forget(files)
        await self._forget_vectors([*shown.gone, *shown.duplicates, *(one for one, _ in old)])
        return self._result(await self._catalog.of_job(self._job.id))

    async def _again(self, sources: Sequence[Source], shown: Sequence[Document]) -> dict[str, Any]:
        hashes = {one.content_hash.partition(":")[0] for one in shown}
        for source in sources:
            same = await self._catalog.duplicate(self._place, source.sha256)
            if source.sha256 not in hashes and same is not None:
                self._told_duplicate(source.name, same.id, same.uploaded_ms)
        await self._forget([source.key for source in sources])
        return self._result(shown)

    async def _forget(self, keys: Sequence[str]) -> None:
        """
        Remove files that no document has: duplicates, and what was replaced.
        """
        for key in await self._catalog.unreferenced(keys):
            await self._host.blobs.remove(key)

    async def _forget_vectors(self, document_ids: Sequence[str]) -> None:
        if self._settings.embeddings_url is not None:
            for document_id in document_ids:
                await vectors_of(self._host).remove(Owned.DOCUMENT, document_id)

    async def _clear(self) -> None:
        """
        Remove what nobody sees of this job.
        """
        await self._catalog.clear(self._job.id)
        if self._settings.embeddings_url is not None:
            await vectors_of(self._host).remove(Owned.JOB, self._job.id)

    def _result(self, kept: Sequence[Document]) -> dict[str, Any]:
        return {
            "collection": self._place.name,
            "chunks": sum(one.chunks for one in kept),
            "documents": [
                {
                    "document_id": one.id,
                    "filename": one.filename,
                    "chunks": one.chunks,
                    "pages": one.pages,
                }
                for one in kept
            ],
            "duplicates": self._duplicates,
            "metrics": self._metrics(kept),
        }

    def _metrics(self, kept: Sequence[Document]) -> dict[str, Any]:
        chunks = sum(one.chunks for one in kept)
        return {
            "total_documents": len(kept),
            "total_chunks": chunks,
            "total_vectors": chunks if self._settings.embeddings_url is not None else 0,
            "processing_time_ms": round((self._host.clock.monotonic_s() - self._began_s) * 1000),
            # Models run on the owner's endpoint, whose prices nobody tells us.
            "estimated_cost_usd": 0.0,
        }

    def _told(self, phase: str, done: int, total: int) -> None:
        if done == total or _is_step(done, total, PHASES[phase]):
            self._job.progress(current=done, total=total, unit="chunk", message=MESSAGES[phase])

    def _told_duplicate(self, name: str, document_id: str, uploaded_ms: int) -> None:
        self._job.log(f"{name} is in the collection already", document_id=document_id)
        self._duplicates.append(
            {"filename": name, "duplicate_of": document_id, "uploaded_ms": uploaded_ms}
        )


def _is_step(done: int, total: int, weight: int) -> bool:
    """
    Whether it is told in a phase of such a weight. Of many not each is a step that anybody could see.
    """
    return total <= EACH_UP_TO or not done % (total // (weight * STEPS_A_PERCENT))


async def _words(
    ids: Sequence[int], chunks: Sequence[Chunk], languages: tuple[str, ...]
) -> list[Indexed]:
    found = await anyio.to_thread.run_sync(
        lambda: [stems(chunk.text, languages) for chunk in chunks]
    )
    return [
        Indexed(chunk_id=chunk_id, stems=words) for chunk_id, words in zip(ids, found, strict=True)
    ]


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _without_text(name: str, *, is_scanned: bool) -> Unreadable:
    if is_scanned:
        return Unreadable(
            f"{name} has pictures of text and no text that could be read; {NO_EYES}",
            code="needs_ocr",
        )
    return Unreadable(f"{name} has no text", code="document_empty")


def _batches(items: Sequence[T], size: int = CHUNKS_A_WRITE) -> Iterator[tuple[int, list[T]]]:
    for first in range(0, len(items), size):
        yield first, list(islice(items, first, first + size))


def _details(chunks: Sequence[Chunk], languages: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_detail(chunk.text[:SAMPLE_CHARS], languages) for chunk in chunks]


def _keywords(text: str, languages: tuple[str, ...]) -> list[str]:
    return keywords(words_of(text[:KEYWORDS_CHARS_MAX]), languages)


def _detail(text: str, languages: tuple[str, ...]) -> dict[str, Any]:
    words, said = words_of(text), text.split()
    about = keywords(words, languages)
    return {
        "summary": summary(said),
        "keywords": about,
        "topic": about[0] if about else None,
        "complexity": complexity(said),
        "entities": msgspec.to_builtins(entities(text)),
        "sentiment": sentiment(words),
    }


def _first_line(pages: Sequence[Page]) -> str | None:
    lines = (line.strip("# \t") for page in pages for line in page.text.split("\n"))
    return next((line[:200] for line in lines if line), None)
