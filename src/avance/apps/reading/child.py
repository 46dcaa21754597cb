"""
The child of a `Sandbox`, with a request on standard input and frames on standard output; start.py runs it.
"""

import importlib
import json
import os
import resource
import sys
import time
from typing import Any

import msgspec

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.pages import Refused

HEAD_BYTES = 4
FLUSH_BYTES = 32_768
FLUSH_S = 0.05
_encode = msgspec.json.Encoder().encode


def main() -> int:
    request: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    # The stream of frames is ours alone: what a library prints goes to standard error.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return serve(request, out)


def serve(request: dict[str, Any], out: Any) -> int:
    """
    Do what a request asks, under its limits, and write what comes of it.
    """
    module, _, name = request["target"].partition(":")
    function = getattr(importlib.import_module(module), name)
    _limit(request)
    frames = Frames(out)
    try:
        for one in function(**request["arguments"]):
            frames.put(one)
    except Unreadable as error:
        frames.put(Refused(code=error.code, message=error.message))
    except MemoryError:
        frames.put(
            Refused(code="document_too_large", message="the file needs too much memory to read")
        )
    frames.flush()
    return 0


def _limit(request: dict[str, Any]) -> None:
    # After the imports, whose address space is not the file's fault.
    memory = request["memory_bytes_max"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    cpu = request["cpu_s_max"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Frames:
    """
    Frames on their way out: some at a time where they come fast, each at once where they do not.
    """

    def __init__(self, out: Any) -> None:
        self._out = out
        self._waiting = bytearray()
        self._flushed_s = 0.0

    def put(self, value: object) -> None:
        body = _encode(value)
        self._waiting += len(body).to_bytes(HEAD_BYTES, "big") + body
        is_late = time.monotonic() - self._flushed_s > FLUSH_S
        if is_late or len(self._waiting) >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        with memoryview(self._waiting) as view:
            sent = 0
            while sent < len(view):
                sent += self._out.write(view[sent:])
        self._waiting.clear()
        self._flushed_s = time.monotonic()
