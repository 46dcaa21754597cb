"""
A small real HTTP server that speaks as OpenAI-compatible endpoints do: it counts letters for meaning, and answers word by word.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Models(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.is_away = False
        self.was_left = threading.Event()
        self.dimensions = len(LETTERS)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Models
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.is_away:
            self.close_connection = True
            return
        self.server.asked.append(body)
        if self.path.endswith("/embeddings"):
            self.server.gate.wait(60)
            self._embed(body["input"])
        else:
            self._answer(body["messages"][-1]["content"])

    def _embed(self, texts: list[str]) -> None:
        vectors = [
            [text.lower().count(letter) + 0.01 for letter in LETTERS[: self.server.dimensions]]
            for text in texts
        ]
        data = [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]
        self._send(json.dumps({"data": data}).encode(), "application/json")

    def _answer(self, prompt: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        try:
            for number, word in enumerate(["Siete ", "de ", "la ", "tarde ", "[1]"]):
                if number == 2 and not self.server.gate.wait(30):
                    return
                part = {"choices": [{"delta": {"content": word}}]}
                self.wfile.write(f"data: {json.dumps(part)}\n\n".encode())
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.was_left.set()
        self.close_connection = True

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serving() -> Iterator[Models]:
    with Models() as models:
        thread = threading.Thread(target=models.serve_forever, daemon=True)
        thread.start()
        yield models
        models.shutdown()
        thread.join()
