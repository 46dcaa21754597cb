"""
A small real HTTP server that speaks as OpenAI-compatible endpoints do, below `/v1`, and as Ollama itself does, below `/api`: it counts letters
for meaning, and answers word by word.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

UNKNOWN = "unknown"
WRITER = "writer"
"""The model that describes passages."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Models(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.gate = threading.Event()
        self.gate.set()
        self.is_away = False
        self.gives_up = False
        self.is_sizable = False
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
        self.server.keys.append(self.headers["authorization"])
        match self.path:
            case "/v1/embeddings" | "/api/embed" if body["model"] == UNKNOWN:
                self._send(b'{"error":"model not found, try pulling it first"}', status=404)
            case "/v1/embeddings":
                self.server.gate.wait(60)
                data = [
                    {"index": n, "embedding": one}
                    for n, one in enumerate(self._vectors(body["input"], body.get("dimensions")))
                ]
                # In another order than they were asked for, as is allowed.
                self._send(json.dumps({"data": data[::-1]}).encode())
            case "/api/embed":
                vectors = self._vectors(body["input"])
                self._send(json.dumps({"model": body["model"], "embeddings": vectors}).encode())
            case "/v1/chat/completions" if body["model"] == WRITER:
                told = "Of course:\n" + json.dumps(_told_of(body["messages"][-1]["content"]))
                line = "no list" if self.server.gives_up else told
                self._send(f"{_as_openai(line)}data: [DONE]\n\n".encode())
            case "/v1/chat/completions":
                self._answer("text/event-stream", _as_openai, b"data: [DONE]\n\n")
            case "/api/chat":
                last = b'{"error":"out of memory"}' if self.server.gives_up else b'{"done":true}'
                self._answer("application/x-ndjson", _as_ollama, last + b"\n")
            case _:
                self._send(b"404 page not found", status=404)

    def _vectors(self, texts: list[str], asked: int | None = None) -> list[list[float]]:
        letters = LETTERS[: self.server.dimensions]
        more = (asked or 0) - len(letters) if self.server.is_sizable else 0
        return [
            [text.lower().count(letter) + 0.01 for letter in letters] + [0.01] * more
            for text in texts
        ]

    def _answer(self, kind: str, line: Callable[[str], str], last: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("connection", "close")
        self.end_headers()
        try:
            for number, word in enumerate(["Siete ", "de ", "la ", "tarde ", "[1]"]):
                if number == 2 and not self.server.gate.wait(30):
                    return
                self.wfile.write(line(word).encode())
                self.wfile.flush()
            self.wfile.write(last)
        except OSError:
            self.server.was_left.set()
        self.close_connection = True

    def _send(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def _told_of(passages: str) -> list[dict[str, Any]]:
    numbered = re.findall(r"^\[\d+\] \W*(\w+ \w+)", passages, re.MULTILINE)
    return [
        {"summary": f"About {words}.", "topic": words, "keywords": words.split()}
        for words in numbered
    ]


def _as_openai(word: str) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': word}}]})}\n\n"


def _as_ollama(word: str) -> str:
    return json.dumps({"message": {"role": "assistant", "content": word}, "done": False}) + "\n"


@contextmanager
def serving() -> Iterator[Models]:
    with Models() as models:
        thread = threading.Thread(target=models.serve_forever, daemon=True)
        thread.start()
        yield models
        models.shutdown()
        thread.join()
