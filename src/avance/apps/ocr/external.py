"""
The engine elsewhere, and the one who asked: both are told by signed requests.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from avance import Avance, Job
from avance.apps.ocr.catalog import Catalog
from avance.apps.ocr.errors import DocumentDecided, DocumentUnknown
from avance.apps.ocr.model import Document, Status, Stored
from avance.apps.ocr.outbound import request
from avance.apps.ocr.settings import OcrSettings
from avance.apps.ocr.signing import link_signature, signed
from avance.errors import Unavailable

_encode = msgspec.json.Encoder().encode


async def send_request(host: Avance, job: Job, request_id: str, token: str) -> int:
    """
    Hand over what is not finished, and answer how many documents that were.
    """
    settings, catalog = host.settings.section(OcrSettings), Catalog(host.records)
    found = await catalog.request(request_id)
    waiting = [one for one in await catalog.of_request(request_id) if one.ended_ms is None]
    if found is None or not waiting:
        return 0
    base = (settings.callback_base_url or "").rstrip("/")
    files = [(one.document, await engine_url(host, one, base)) for one in waiting]
    body = request_body(settings, request_id, found.owner_user_name, token, files)
    now_s = host.clock.now_ms() // 1000
    await post(settings, settings.orchestrator_url or "", body, now_s=now_s, is_engine=True)
    for one in waiting:
        await _taken(catalog, one.document.id, job.id)
    return len(waiting)


def request_body(
    settings: OcrSettings,
    request_id: str,
    owner_user_name: str,
    token: str,
    files: Sequence[tuple[Document, str]],
) -> dict[str, Any]:
    """
    What the engine is sent: documents, each with the address of its file, and where to answer.
    """
    base = (settings.callback_base_url or "").rstrip("/")
    return {
        "requestId": request_id,
        "owner_user_name": owner_user_name,
        "url_response": f"{base}/api/ocr/callback?token={token}",
        "documents": [
            {"file_name": one.file_name, "file_url": url, "platform_document_id": one.id}
            for one, url in files
        ],
    }


async def _taken(catalog: Catalog, document_id: str, job_id: str) -> None:
    try:
        await catalog.change(document_id, lambda now: with_engine(now, job_id))
    except (DocumentUnknown, DocumentDecided):
        return


def with_engine(now: Document, job_id: str | None = None) -> Document | None:
    """
    The change of a document that the engine has taken.
    """
    # An engine may answer before its answer to the request is here.
    if now.status is not Status.PENDING:
        return None
    return msgspec.structs.replace(
        now,
        status=Status.PROCESSING,
        processing_status="PREVALIDATION",
        job_id=job_id or now.job_id,
    )


async def engine_url(host: Avance, stored: Stored, base: str) -> str:
    """
    Where the engine finds the file: at its own address, or here behind a signed link.
    """
    if stored.blob_key is None:
        return stored.document.file_url
    limit_s = host.settings.section(OcrSettings).answer_limit_s
    return base + await signed_path(host, stored.document.id, limit_s)


async def signed_path(host: Avance, document_id: str, ttl_s: float) -> str:
    """
    A path that gives the file of a document for a while.
    """
    expires_s = host.clock.now_ms() // 1000 + round(ttl_s)
    key = await Catalog(host.records).key("links")
    signature = link_signature(key, document_id, expires_s)
    return f"/api/ocr/file/{document_id}?expires={expires_s}&signature={signature}"


async def told_asker(host: Avance, stored: Stored) -> None:
    """
    Queue the onward call of a finished document, where its request asked for one.
    """
    from avance.apps.ocr.tasks import tell  # noqa: PLC0415 - tasks import this module when they run

    asked = await Catalog(host.records).request(stored.document.request_id)
    if asked is not None and asked.url_response is not None:
        document_id = stored.document.id
        await tell.using(owner=stored.owner, tenant=stored.tenant or None).submit(
            document_id=document_id, title=f"result of {stored.document.file_name}"
        )


async def tell_asker(host: Avance, document_id: str) -> int:
    """
    The onward call; answers the status of the answer.
    """
    catalog = Catalog(host.records)
    stored = await catalog.find(document_id)
    asked = None if stored is None else await catalog.request(stored.document.request_id)
    if stored is None or asked is None or asked.url_response is None:
        return 0
    settings = host.settings.section(OcrSettings)
    body = answer_body(stored.document, stored.engine)
    now_s = host.clock.now_ms() // 1000
    return await post(settings, asked.url_response, body, now_s=now_s, is_engine=False)


def answer_body(document: Document, engine: str) -> dict[str, Any]:
    """
    What is sent to the `url_response` of a request.
    """
    result = document.ocr_result
    return {
        "platform_document_id": document.id,
        "original_file_name": document.file_name,
        "file_url": document.file_url,
        "document_type": document.document_type,
        "data_structure": {} if result is None else result.fields,
        "expiration_date": document.expiration_date,
        "final_decision": document.final_decision,
        "observations": document.observations,
        "processing_status": document.processing_status,
        "owner_user_name": document.owner_user_name,
        "classification_method": "engine" if engine == "external" else "rules",
        "total_processing_cost_usd": 0,
    }


async def post(
    settings: OcrSettings, url: str, body: dict[str, Any], *, now_s: int, is_engine: bool
) -> int:
    """
    A signed request; answers the status of the answer.

    Raises:
        Unavailable: It was refused, or nobody is there.
        AddressRefused: The address leads inside.
    """
    data = _encode(body)
    headers = {"Content-Type": "application/json"}
    if settings.engine_secret is not None:
        headers |= signed(settings.engine_secret.reveal(), now_s, data)
    # The engine's address is the operator's own setting, and may be inside.
    allowed = ("0.0.0.0/0", "::/0", "localhost") if is_engine else settings.allowed_hosts
    async with request(
        "POST",
        url,
        allowed=allowed,
        timeout_s=settings.engine_timeout_s,
        headers=headers,
        body=data,
    ) as answer:
        if answer.status_code >= 300:
            raise Unavailable(
                f"{url.partition('?')[0]} answers {answer.status_code}",
                code="ocr_engine_failed" if is_engine else "ocr_response_failed",
            )
        return answer.status_code
