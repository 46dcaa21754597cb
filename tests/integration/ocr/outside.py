"""
A server elsewhere: an engine, or who asked for results.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.integration.ocr.conftest import PATIENCE_S


class Engine:
    """
    Takes requests, and remembers them.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.arrived = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with outer.arrived:
                    outer.requests.append((dict(self.headers), body))
                    outer.arrived.notify_all()
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The test log is not for it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/process"

    def take(self, count: int) -> dict[str, Any]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE_S)
            found: dict[str, Any] = json.loads(self.requests[count - 1][1])
            return found
