"""
A small real HTTP server that gives archives of repositories as GitHub does.
"""

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

A_LINK = 0o120777 << 16


class Archives(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept: dict[str, bytes] = {}
        self.leads_to: dict[str, str] = {}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.was_asked = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Archives
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(self.path)
        server.was_asked.set()
        body = server.kept.get(self.path)
        self.close_connection = True
        if self.path in server.leads_to:
            self.send_response(302)
            self.send_header("location", server.leads_to[self.path])
        elif body is None:
            self.send_response(404)
        else:
            # Without a length, because it is made while it is sent.
            self.send_response(200)
            self.send_header("content-type", "application/zip")
        self.send_header("connection", "close")
        self.end_headers()
        if body is None:
            return
        try:
            self.wfile.write(body[:100])
            self.wfile.flush()
            server.gate.wait(60)
            self.wfile.write(body[100:])
        except OSError:
            # Who asked was ended meanwhile.
            return

    def log_message(self, *_: object) -> None:
        return


def archive(
    files: dict[str, bytes],
    links: dict[str, str] | None = None,
    otherwise: dict[str, bytes] | None = None,
) -> bytes:
    """
    As GitHub packs a repository: all below one folder.

    Args:
        otherwise: Packed as GitHub does not.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("town-1a2b3c/", b"")
        for path, data in files.items():
            made.writestr(f"town-1a2b3c/{path}", data)
        for path, target in (links or {}).items():
            link = zipfile.ZipInfo(f"town-1a2b3c/{path}")
            link.create_system, link.external_attr = 3, A_LINK
            made.writestr(link, target)
        for path, data in (otherwise or {}).items():
            made.writestr(f"town-1a2b3c/{path}", data, zipfile.ZIP_LZMA)
    return buffer.getvalue()


@contextmanager
def serving() -> Iterator[Archives]:
    with Archives() as archives:
        thread = threading.Thread(target=archives.serve_forever, daemon=True)
        thread.start()
        yield archives
        archives.shutdown()
        thread.join()
