"""
Taking documents in.
"""

import secrets
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec

from avance import Avance
from avance.apps.ocr.catalog import Catalog, New, Request
from avance.apps.ocr.errors import BadDocument
from avance.apps.ocr.frames import iso_z
from avance.apps.ocr.model import Document, Status
from avance.apps.ocr.outbound import check_url
from avance.apps.ocr.settings import OcrSettings
from avance.apps.ocr.signing import sha256
from avance.apps.ocr.tasks import read, send
from avance.web import Caller

EXTENSIONS = (".pdf", ".jpg", ".jpeg", ".png", ".tiff", ".tif")
LOCAL_LIMIT_S = 86_400.0
"""A document that waits or is read here for a day is given up."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """
    One document that is asked for.
    """

    id: str
    file_name: str
    file_url: str = ""
    blob_key: str | None = None
    is_test: bool = False
    expected: dict[str, Any] = {}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    documents: tuple[Document, ...]
    jobs: tuple[str, ...]
    """Of each document in turn; a request to an external engine has one job for all."""


def check_settings(settings: OcrSettings) -> None:
    """
    Raises:
        BadDocument: The external engine was chosen and cannot be reached with these settings.
    """
    if settings.engine != "external":
        return
    missing = [
        name
        for name, value in (
            ("OCR_ORCHESTRATOR_URL", settings.orchestrator_url),
            ("CALLBACK_BASE_URL", settings.callback_base_url),
        )
        if not value
    ]
    if missing:
        raise BadDocument(
            f"the engine is external and {' and '.join(missing)} is not set", code="ocr_settings"
        )


def check_item(item: Item, settings: OcrSettings) -> None:
    """
    Raises:
        BadDocument, AddressRefused: The message names what is wrong.
    """
    if not item.file_name.lower().endswith(EXTENSIONS):
        raise BadDocument(
            f"file_name {item.file_name[:80]!r} is of no kind that is read; allowed: {', '.join(EXTENSIONS)}"
        )
    if item.blob_key is None:
        check_url(item.file_url, settings.allowed_hosts)


async def take(
    host: Avance,
    who: Caller,
    items: Sequence[Item],
    *,
    owner_user_name: str,
    url_response: str | None,
) -> Taken:
    """
    Store documents and queue their reading; all of them or none.

    Raises:
        BadDocument, AddressRefused, Conflict: Nothing was taken.
    """
    settings = host.settings.section(OcrSettings)
    check_settings(settings)
    if not 1 <= len(items) <= settings.documents_max:
        raise BadDocument(
            f"documents has {len(items)} entries; 1 to {settings.documents_max} are taken at once"
        )
    if len({item.id for item in items}) < len(items):
        raise BadDocument("documents names the same platform_document_id twice")
    for item in items:
        check_item(item, settings)
    if url_response is not None:
        check_url(url_response, settings.allowed_hosts)
    return await _store(host, who, items, owner_user_name, url_response, settings)


async def _store(
    host: Avance,
    who: Caller,
    items: Sequence[Item],
    owner_user_name: str,
    url_response: str | None,
    settings: OcrSettings,
) -> Taken:
    now_ms = host.clock.now_ms()
    token = secrets.token_urlsafe(32)
    request = Request(
        id=str(uuid4()),
        owner=who.user,
        tenant=who.identity.tenant or "",
        owner_user_name=owner_user_name,
        url_response=url_response,
        token_sha256=sha256(token),
    )
    is_external = settings.engine == "external"
    limit_s = settings.answer_limit_s if is_external else LOCAL_LIMIT_S
    new = [
        New(
            document=Document(
                id=item.id,
                platform_document_id=item.id,
                file_name=item.file_name,
                file_url=item.file_url or f"/api/ocr/public-file/{item.id}",
                owner_user_name=owner_user_name,
                status=Status.PENDING,
                created_at=iso_z(now_ms),
                updated_at=iso_z(now_ms),
                request_id=request.id,
            ),
            engine=settings.engine,
            blob_key=item.blob_key,
            deadline_ms=now_ms + round(limit_s * 1000),
            is_test=item.is_test,
            expected=item.expected,
        )
        for item in items
    ]
    catalog = Catalog(host.records)
    await catalog.add(request, new)
    owner = {"owner": who.user, "tenant": who.identity.tenant}
    jobs: list[str] = []
    if is_external:
        title = f"{len(items)} documents for the engine"
        handle = await send.using(**owner).submit(request_id=request.id, token=token, title=title)
        jobs = [handle.id] * len(new)
    for one in new:
        document = one.document
        if not is_external:
            handle = await read.using(**owner).submit(
                document_id=document.id, file_name=document.file_name
            )
            jobs.append(handle.id)
        await catalog.begun(document.id, jobs[-1])
    documents = tuple(one.document for one in new)
    return Taken(request_id=request.id, documents=documents, jobs=tuple(jobs))
