"""
The client class for pages, as a file.
"""

import hashlib
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from avance.apps.ocr.http.answers import in_its_words, router_for_pages
from avance.web import described

# Read while modules are read from the same disk anyway.
_CONTENT = resources.files("avance.apps.ocr").joinpath("static", "ocr-client.js").read_bytes()
_ETAG = f'"{hashlib.sha256(_CONTENT).hexdigest()[:32]}"'
router = router_for_pages()


@in_its_words
async def client_script(request: Request) -> Response:
    """
    The client class for pages: an ES module without dependencies.
    """
    headers = {"cache-control": "no-cache", "etag": _ETAG}
    if request.headers.get("if-none-match") == _ETAG:
        return Response(status_code=304, headers=headers)
    return Response(_CONTENT, media_type="text/javascript; charset=utf-8", headers=headers)


described(
    router,
    "GET",
    "/api/ocr/client.js",
    client_script,
    is_public=True,
    media_type="text/javascript",
)
