"""
Taking documents in.
"""

import secrets
from collections.abc import Sequence
from uuid import uuid4

import msgspec

from avance import Avance
from avance.apps.ocr.asked import Item, check_asked, new_document
from avance.apps.ocr.catalog import Catalog, New, Request
from avance.apps.ocr.model import Document
from avance.apps.ocr.settings import OcrSettings
from avance.apps.ocr.signing import sha256
from avance.apps.ocr.tasks import read, send
from avance.web import Caller

LOCAL_LIMIT_S = 86_400.0
"""A document that waits or is read here for a day is given up."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    documents: tuple[Document, ...]
    jobs: tuple[str, ...]
    """Of each document in turn; a request to an external engine has one job for all."""


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
    check_asked(tuple(items), url_response, settings)
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
            document=new_document(
                item, owner_user_name=owner_user_name, request_id=request.id, now_ms=now_ms
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
