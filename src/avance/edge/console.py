"""
The files of the console, where the package has them.
"""

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from avance.edge.http.scope import prefix

FOLDER = Path(__file__).parent / "_console"
# Asked once, while modules are read from the same disk anyway: routes are made where nothing may wait for a disk.
HAS_CONSOLE = (FOLDER / "index.html").is_file()
PAGE = "index.html"
HASHED = "assets/"
COMPRESSED_BYTES_MIN = 1_000
CSP = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_COMPRESSIBLE = ("text/", "application/json", "image/svg+xml")


def console_routes(folder: Path = FOLDER) -> list[BaseRoute]:
    """
    `/console/` and all below it; without the built files, nothing there is found.
    """

    async def add_slash(request: Request) -> Response:
        return RedirectResponse(prefix(request.scope) + "/console/", 307)

    return [
        Route("/console", add_slash),
        Mount("/console", app=ConsoleFiles(folder), name="console"),
    ]


class ConsoleFiles:
    """
    Serves a folder from memory. What is no file is a screen of the console, and gets its page.
    """

    def __init__(self, folder: Path) -> None:
        self._read = cache(lambda: _read_files(folder))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the console serves files, not {scope['type']}")
        files = await to_thread.run_sync(self._read)
        await _answer(Request(scope), files)(scope, receive, send)


class _File:
    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.content = content
        self.media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        is_worth = len(content) >= COMPRESSED_BYTES_MIN and self.media_type.startswith(
            _COMPRESSIBLE
        )
        self.gzipped = gzip.compress(content, 9, mtime=0) if is_worth else None


def _read_files(folder: Path) -> dict[str, _File]:
    # Every name that can be asked for is known beforehand, so no path leads out of the folder.
    return {
        name: _File(name, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (name := path.relative_to(folder).as_posix())
    }


def _answer(request: Request, files: dict[str, _File]) -> Response:
    name = request.scope["path"].removeprefix(request.scope.get("root_path", "")).lstrip("/")
    if request.method not in ("GET", "HEAD"):
        return Response(status_code=405, headers={"allow": "GET, HEAD"})
    file = files.get(name)
    if file is None and not name.startswith(HASHED):
        file = files.get(PAGE)
    if file is None:
        return Response(status_code=404)
    return _page(request, file) if file.name == PAGE else _static(request, file)


def _page(request: Request, file: _File) -> Response:
    # The built page names its files relative to itself; a screen such as `/console/jobs/1` has another place.
    base = prefix(request.scope).removesuffix("/console") + "/console/"
    text = file.content.decode().replace('="./', f'="{_escape(base)}')
    return Response(
        text,
        media_type="text/html",
        headers={"cache-control": "no-cache", "content-security-policy": CSP},
    )


def _static(request: Request, file: _File) -> Response:
    # The name of a hashed file changes with its content.
    is_hashed = file.name.startswith(HASHED)
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if is_hashed else "no-cache",
        "etag": file.etag,
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if file.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            file.gzipped,
            media_type=file.media_type,
            headers={**headers, "content-encoding": "gzip"},
        )
    return Response(file.content, media_type=file.media_type, headers=headers)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
