"""
The script for browsers and the pages that show it.
"""

import hashlib
from importlib import resources

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from avance.web import described

_TYPES = {".js": "text/javascript; charset=utf-8", ".html": "text/html; charset=utf-8"}


class _File:
    def __init__(self, name: str) -> None:
        # Read while modules are read from the same disk anyway.
        self.content = resources.files("avance.apps.retail").joinpath("static", name).read_bytes()
        self.etag = f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'
        self.media_type = _TYPES[name[name.rindex(".") :]]

    async def answer(self, request: Request) -> Response:
        """
        A file of the retail app.
        """
        headers = {"cache-control": "no-cache", "etag": self.etag}
        if request.headers.get("if-none-match") == self.etag:
            # With its type, by which the policy for pages is chosen: a browser takes the headers of this answer for the kept one.
            return Response(status_code=304, headers=headers, media_type=self.media_type)
        return Response(self.content, media_type=self.media_type, headers=headers)


async def _add_slash(request: Request) -> Response:
    """
    The demo page.
    """
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"retail/{query}", 307)


router = APIRouter(tags=["notifications"])
described(router, "GET", "/retail", _add_slash, is_public=True, name="retail")
for _path, _name in (
    ("/static/js/websocket-notifications.js", "websocket-notifications.js"),
    ("/static/js/retail-demo.js", "retail-demo.js"),
    ("/retail/", "retail.html"),
    ("/retail/component", "component.html"),
):
    described(
        router,
        "GET",
        _path,
        _File(_name).answer,
        is_public=True,
        name=_name.replace(".", "_").replace("-", "_"),
        media_type="text/html" if _name.endswith("html") else "text/javascript",
    )
