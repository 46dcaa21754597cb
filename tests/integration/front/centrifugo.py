"""
Centrifugo's HTTP side as its documentation has it: the server API with its key, namespaces, history, idempotency keys and error codes,
and the subscribe proxy that it calls. Configured by the file that is shipped for the real one.
"""

import json
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from free_port import free_port


class Centrifugo:
    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.published: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.repeated = 0
        self.is_failing = False
        """It applies what it is told and its answer is lost."""
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if front._server is None:
                    # Connections that were kept end with it.
                    self.close_connection = True
                    return
                status, answer = front._answer(self.path, self.headers, body)
                if front.is_failing:
                    self.close_connection = True
                    return
                told = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, format: str, *args: object) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def subscribe(self, user: str, channel: str) -> Mapping[str, Any]:
        """
        What a client of this user is answered: `data` of the subscribe reply, or the error.
        """
        if self._namespace(channel) is None:
            return {"error": {"code": 102, "message": "unknown channel"}}
        proxy = self.config["channel"]["proxy"]["subscribe"]
        asked = {
            "client": "9336a229-2400-4ebc-8c50-0a643d22e8a0",
            "transport": "websocket",
            "protocol": "json",
            "encoding": "json",
            "user": user,
            "channel": channel,
        }
        request = urllib.request.Request(
            proxy["endpoint"],
            json.dumps(asked).encode(),
            {"Content-Type": "application/json", **proxy["http"]["static_headers"]},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: dict[str, Any] = json.loads(answer.read())
        return told.get("result", told)

    def _namespace(self, channel: str) -> Mapping[str, Any] | None:
        name = channel.partition(":")[0] if ":" in channel else ""
        found = [one for one in self.config["channel"]["namespaces"] if one["name"] == name]
        return found[0] if found else None

    def _answer(self, path: str, headers: Any, body: bytes) -> tuple[int, Mapping[str, Any]]:
        if headers["X-API-Key"] != self.config["http_api"]["key"]:
            return 401, {}
        with self._lock:
            command = json.loads(body)
            if path == "/api/publish":
                return 200, self._publish(command)
            if path == "/api/info":
                return 200, {"result": {"nodes": [{"uid": "a", "name": "double"}]}}
            if path != "/api/batch":
                return 404, {}
            replies = []
            for one in command["commands"]:
                ((method, request),) = one.items()
                assert method == "publish"
                answer = self._publish(request)
                replies.append(answer if "error" in answer else {"publish": answer["result"]})
            return 200, {"replies": replies}

    def _publish(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if "channel" not in request or "data" not in request:
            return {"error": {"code": 107, "message": "bad request"}}
        namespace = self._namespace(request["channel"])
        if namespace is None:
            return {"error": {"code": 102, "message": "unknown channel"}}
        history = self.published[request["channel"]]
        key = request.get("idempotency_key")
        if key in self._keys:
            self.repeated += 1
        else:
            history.append(request["data"])
            if key is not None:
                self._keys.add(key)
        return {"result": {"offset": len(history), "epoch": "abcd"}}
