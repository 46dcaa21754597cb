"""
What engines and operators call: the callback and the manual notification.
"""

import hmac

from starlette.requests import Request
from starlette.responses import Response

from avance.apps.ocr import app, replies
from avance.apps.ocr.catalog import Catalog
from avance.apps.ocr.errors import DocumentUnknown, NotAuthentic
from avance.apps.ocr.external import told_asker
from avance.apps.ocr.http.answers import (
    answered,
    decode_object,
    in_its_words,
    json_object,
    router_for_pages,
)
from avance.apps.ocr.model import Stored
from avance.apps.ocr.settings import OcrSettings
from avance.apps.ocr.signing import is_signed, sha256
from avance.apps.ocr.told import Said, of_callback, of_notice
from avance.errors import PermissionDenied
from avance.web import caller, described

router = router_for_pages("/api/ocr")


@in_its_words
async def callback(request: Request) -> Response:
    """
    Take the result of an external engine; it is authentic by signature or by the token of its request.
    """
    body = await request.body()
    has_signature = _is_signed(request, body)
    token = request.query_params.get("token")
    if not has_signature and not token:
        raise NotAuthentic("the callback has neither a signature nor the token of its request")
    said = of_callback(decode_object(body))
    changed = []
    for one in said:
        if not has_signature:
            await _check_token(one.document_id, token or "")
        changed.append(await _apply(one))
    told = [(one.document.id, one.document.status.value) for one in changed]
    return answered(replies.called_back(told))


@in_its_words
async def notify_update(request: Request) -> Response:
    """
    Change a document by hand, through the same states, and tell its followers.
    """
    who = caller(request)
    who.require_whole()
    if not who.is_trusted:
        raise PermissionDenied("this needs the role sender", code="role_missing", role="sender")
    said = of_notice(await json_object(request))
    catalog = Catalog(app.host.records)
    stored = await catalog.find(said.document_id)
    if stored is None or (who.identity.tenant or stored.tenant) != stored.tenant:
        raise DocumentUnknown(f"there is no document {said.document_id[:80]}")
    changed = await _apply(said)
    return answered({"message": "Notification sent", "documentId": changed.document.id})


async def _apply(said: Said) -> Stored:
    catalog = Catalog(app.host.records)
    before = await catalog.find(said.document_id)
    if before is None:
        raise DocumentUnknown(f"there is no document {said.document_id[:80]}")
    stored = await catalog.change(
        said.document_id,
        said.applied,
        final_sha256=said.sha256 if said.status.is_final else None,
    )
    if stored.ended_ms is not None and before.ended_ms is None:
        await told_asker(app.host, stored)
    return stored


def _is_signed(request: Request, body: bytes) -> bool:
    settings = app.host.settings.section(OcrSettings)
    secret = settings.engine_secret
    return is_signed(
        None if secret is None else secret.reveal(),
        request.headers,
        body,
        now_s=app.host.clock.now_ms() // 1000,
        age_s_max=settings.signature_age_s,
    )


async def _check_token(document_id: str, token: str) -> None:
    """
    A token is good for the documents of its request, for each until it has ended; what ended it may come again.
    """
    catalog = Catalog(app.host.records)
    stored = await catalog.find(document_id)
    request = None if stored is None else await catalog.request(stored.document.request_id)
    if request is None or not hmac.compare_digest(sha256(token), request.token_sha256):
        # Whether there is such a document is nothing to learn without the right token.
        raise NotAuthentic("the token is not that of this document's request")


described(router, "POST", "/callback", callback, is_public=True)
described(router, "POST", "/notify-update", notify_update)
