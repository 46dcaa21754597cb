"""
The pages of a document: what was read, and what is seen.
"""

import hashlib

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from avance.apps.ocr import app
from avance.apps.ocr.catalog import Catalog
from avance.apps.ocr.errors import PageUnknown
from avance.apps.ocr.http.answers import answered, in_its_words, router_for_pages
from avance.apps.ocr.model import Stored
from avance.apps.ocr.shown import page_image
from avance.web import caller, described

router = router_for_pages()
DIGITS_MAX = 6


async def seen(request: Request) -> Stored:
    """
    The document of the path, if the caller may see it.

    Raises:
        DocumentUnknown: There is none, or not for this caller.
    """
    who = caller(request)
    who.require_whole()
    return await Catalog(app.host.records).seen(who.identity, request.path_params["document_id"])


@in_its_words
async def get_pages(request: Request) -> Response:
    """
    The pages that were read so far, with every word and its place.
    """
    stored = await seen(request)
    pages = await Catalog(app.host.records).pages(stored.document.id)
    return answered({"success": True, "data": [msgspec.Raw(one) for one in pages]})


@in_its_words
async def get_page_image(request: Request) -> Response:
    """
    A page as a PNG, turned as it was read; the first is 1.
    """
    stored = await seen(request)
    text = request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX and int(text)):
        raise PageUnknown(f"there is no page {text[:20]!r}; the first is 1")
    blob = await page_image(app.host, stored, int(text))
    tag = f'"{hashlib.sha256(blob.key.encode()).hexdigest()[:32]}"'
    # Who may see it is asked each time; what has not changed is not sent again.
    headers = {"cache-control": "private, no-cache", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    headers |= {"content-length": str(blob.size), "x-content-type-options": "nosniff"}
    return StreamingResponse(app.host.blobs.read(blob.key), media_type="image/png", headers=headers)


described(router, "GET", "/api/ocr/document/{document_id}/pages", get_pages)
described(
    router,
    "GET",
    "/api/ocr/document/{document_id}/pages/{number}/image",
    get_page_image,
    media_type="image/png",
)
