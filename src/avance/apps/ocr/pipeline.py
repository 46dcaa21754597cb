"""
One document through the local engine. Every step is stored and told; a step that is repeated after a crash changes nothing that was told.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from avance import Avance, Job, State
from avance.apps.ocr.catalog import Catalog, failed
from avance.apps.ocr.engines.words import PageRead, Word
from avance.apps.ocr.errors import AddressRefused, DocumentUnknown
from avance.apps.ocr.fields.decide import decide
from avance.apps.ocr.fields.extract import Found, extract
from avance.apps.ocr.fields.kinds import classify
from avance.apps.ocr.model import Document, OcrResult, Stage, Status, Stored
from avance.apps.ocr.outbound import request
from avance.apps.ocr.reader import read_pages, turn
from avance.apps.ocr.settings import OcrSettings
from avance.apps.reading import Kind, Unreadable, sniff
from avance.errors import AvanceError, Conflict, TaskFailed, TooLarge

log = logging.getLogger("avance.ocr")
_replace = msgspec.structs.replace
_encode = msgspec.json.Encoder().encode
KINDS = (Kind.PDF, Kind.PNG, Kind.JPEG, Kind.TIFF)
WORDS_FOR_LANGUAGE = {
    "es": {"de", "la", "el", "que", "los", "del", "fecha", "y", "con", "por", "para", "una"},
    "en": {"the", "of", "and", "to", "in", "is", "for", "date", "with", "that", "by", "this"},
}


class Reading:
    def __init__(self, host: Avance, job: Job) -> None:
        self._host = host
        self._job = job
        self._settings = host.settings.section(OcrSettings)
        self._catalog = Catalog(host.records)

    async def run(self, document_id: str) -> dict[str, Any]:
        """
        Answer what the job's result is.
        """
        stored = await self._catalog.find(document_id)
        if stored is None or stored.document.status.is_final:
            return {"documentId": document_id, "status": "removed" if stored is None else "final"}
        try:
            result = await self._read(stored)
        except asyncio.CancelledError:
            # Its follower learns it now and not with the next round of the watch. The server may also be stopping: then the job goes on later.
            with anyio.CancelScope(shield=True):
                await self._tell_end(document_id)
            raise
        except (DocumentUnknown, Conflict):
            # It was removed or ended meanwhile, by its owner or by its engine.
            return {"documentId": document_id, "status": "removed"}
        except (Unreadable, AddressRefused, TooLarge) as error:
            await self._catalog.change(document_id, failed(error.message))
            raise TaskFailed(error.message, code=error.code) from error
        except AvanceError as error:
            await self._catalog.change(document_id, failed(error.message))
            raise
        return result

    async def _tell_end(self, document_id: str) -> None:
        try:
            state = (await self._host.jobs.get(self._job.id)).state
            if state.is_terminal:
                await self._catalog.change(document_id, failed(ending(state)))
        except AvanceError as error:
            log.info("the end of document %s is left to the watch: %s", document_id, error)

    async def _read(self, stored: Stored) -> dict[str, Any]:
        began_s = self._host.clock.monotonic_s()
        document_id = stored.document.id
        with self._job.phase("fetching"):
            await self._stage(document_id, Stage.PREVALIDATION)
            key = stored.blob_key or await self._fetch(stored)
        async with self._host.blobs.local(key) as path:
            kind = await anyio.to_thread.run_sync(sniff, path, stored.document.file_name)
            if kind not in KINDS:
                raise Unreadable(
                    f"{stored.document.file_name} is {kind.value}; OCR takes pdf, jpg, png and tiff",
                    code="document_kind",
                )
            await self._stage(document_id, Stage.REVI)
            async with turn(self._host):
                pages = await self._pages(document_id, path, kind)
            size = path.stat().st_size
        with self._job.phase("extracting"):
            return await self._conclude(stored, pages, kind, size, began_s)

    async def _fetch(self, stored: Stored) -> str:
        document = stored.document
        key = f"ocr/{self._job.id}/file"
        settings = self._settings
        async with request(
            "GET",
            document.file_url,
            allowed=settings.allowed_hosts,
            timeout_s=settings.file_timeout_s,
            follows=True,
        ) as answer:
            if answer.status_code != 200:
                raise Unreadable(
                    f"the address of the file answers {answer.status_code}",
                    code="ocr_fetch_failed",
                )

            async def pieces() -> AsyncGenerator[bytes, None]:
                async for piece in answer.aiter_bytes():
                    yield piece

            await self._host.blobs.put(key, pieces(), bytes_max=settings.file_bytes_max)
        await self._catalog.keep_file(document.id, key)
        return key

    async def _pages(self, document_id: str, path: Path, kind: Kind) -> list[PageRead]:
        pages: list[PageRead] = []
        with self._job.phase("reading"):
            async with aclosing(read_pages(path, kind, self._settings)) as told:
                async for page in told:
                    pages.append(page)
                    await self._catalog.keep_page(document_id, page.number, _encode(page))
                    self._job.progress(current=page.number, total=page.of, unit="pages")
                    self._job.emit("pages", page.text[:4_000])
        return pages

    async def _conclude(
        self, stored: Stored, pages: list[PageRead], kind: Kind, size: int, began_s: float
    ) -> dict[str, Any]:
        document_id = stored.document.id
        text = "\n\n".join(page.text for page in pages).strip()
        await self._stage(document_id, Stage.CLASSIFICATION)
        document_type = await anyio.to_thread.run_sync(classify, text)
        await self._stage(document_id, Stage.EXTRACTION)
        now = datetime.fromtimestamp(self._host.clock.now_ms() / 1000, UTC)
        words = [page.words for page in pages]
        found = await anyio.to_thread.run_sync(_extract, words, document_type, now.year)
        await self._stage(document_id, Stage.VALIDATION)
        confidence = page_confidence(pages)
        decision, observations = decide(
            found,
            text=text,
            confidence=confidence,
            expected=stored.expected,
            today=now.date().isoformat(),
        )
        result = OcrResult(
            success=bool(text),
            confidence=confidence,
            extracted_text=text,
            fields=found.fields,
            field_confidence=found.confidence,
            language=language_of(text),
            processing_time=round(self._host.clock.monotonic_s() - began_s, 3),
            metadata={
                "width": pages[0].width if pages else 0,
                "height": pages[0].height if pages else 0,
                "format": kind.value,
                "size": size,
                "pages": len(pages),
                "coverage": round(min((page.coverage for page in pages), default=0.0), 3),
            },
        )
        done = await self._catalog.change(
            document_id,
            lambda now: _replace(
                now,
                status=Status.COMPLETED,
                processing_status=Stage.COMPLETED.value,
                ocr_result=result,
                document_type=document_type,
                final_decision=decision.value,
                observations=observations,
                expiration_date=found.expires,
                pages=len(pages),
            ),
        )
        return {
            "documentId": document_id,
            "status": done.document.status.value,
            "finalDecision": decision.value,
            "documentType": document_type,
            "pages": len(pages),
        }

    async def _stage(self, document_id: str, stage: Stage) -> None:
        def forward(now: Document) -> Document:
            return _replace(
                now,
                status=Status.PROCESSING,
                processing_status=stage.value,
                job_id=self._job.id,
            )

        await self._catalog.change(document_id, forward)


def _extract(words: list[list[Word]], document_type: str, year: int) -> Found:
    return extract(words, document_type, year=year)


def page_confidence(pages: list[PageRead]) -> int:
    """
    Of the whole: by the length of the pages, and never much better than the worst of them.
    """
    length = sum(len(page.text) for page in pages)
    if not length:
        return 0
    mean = sum(page.confidence * len(page.text) for page in pages) / length
    worst = min(page.confidence for page in pages if page.text)
    return round(100 * min(mean, worst + 0.25))


def language_of(text: str) -> str | None:
    """
    Spanish or English, by their small words.
    """
    words = text.lower().split()
    counts = {
        name: sum(word in some for word in words) for name, some in WORDS_FOR_LANGUAGE.items()
    }
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def ending(state: State) -> str:
    """
    What a document says whose job ended without a result.
    """
    return state.value if state in (State.CANCELLED, State.EXPIRED) else "the reader was lost"
