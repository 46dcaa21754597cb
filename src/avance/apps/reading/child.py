"""
The child of a `Sandbox`, with a request on standard input and frames on standard output; start.py runs it.
"""

import importlib
import json
import os
import resource
import sys
from typing import Any

import msgspec

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.pages import Refused

_encode = msgspec.json.Encoder().encode


def main() -> int:
    request: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    # The stream of frames is ours alone: what a library prints goes to standard error.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    module, _, name = request["target"].partition(":")
    function = getattr(importlib.import_module(module), name)
    _limit(request)
    try:
        for one in function(**request["arguments"]):
            _put(out, one)
    except Unreadable as error:
        _put(out, Refused(code=error.code, message=error.message))
    except MemoryError:
        _put(
            out,
            Refused(code="document_too_large", message="the file needs too much memory to read"),
        )
    return 0


def _limit(request: dict[str, Any]) -> None:
    # After the imports, whose address space is not the file's fault.
    memory = request["memory_bytes_max"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    cpu = request["cpu_s_max"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _put(out: Any, value: object) -> None:
    body = _encode(value)
    view = memoryview(len(body).to_bytes(4, "big") + body)
    while view:
        view = view[out.write(view) :]
