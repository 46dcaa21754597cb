"""
What a `Nest` starts: it imports what readers need, forks for each request, and tells how each fork ended. It reads no file itself. start.py runs it.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
from typing import Any, NoReturn

from avance.apps.reading.child import serve

IDLE_S = 60.0
"""Without a file for so long, it goes; the next one brings another."""
REQUEST_BYTES_MAX = 1_048_576
SIGNALS_MAX = 4_096


class Forks:
    def __init__(self, control: socket.socket, told: int) -> None:
        self._control = control
        self._told = told
        """Where the system tells that a fork ended."""
        self._numbers: dict[int, int] = {}
        """By process id."""

    def run(self) -> None:
        ready = select.poll()
        ready.register(self._control, select.POLLIN)
        ready.register(self._told, select.POLLIN)
        try:
            while found := dict(ready.poll(None if self._numbers else IDLE_S * 1_000)):
                if self._told in found:
                    os.read(self._told, SIGNALS_MAX)
                    self._reap()
                if self._control.fileno() in found and not self._hear():
                    return
        finally:
            self._end(list(self._numbers))

    def _hear(self) -> bool:
        data, files, _, _ = socket.recv_fds(self._control, REQUEST_BYTES_MAX, 1)
        if not data:
            return False
        asked = json.loads(data)
        if "request" in asked:
            try:
                self._begin(asked["id"], asked["request"], files[0])
            finally:
                os.close(files[0])
        else:
            self._end([pid for pid, number in self._numbers.items() if number == asked["id"]])
        return True

    def _begin(self, number: int, request: dict[str, Any], out: int) -> None:
        _load(request["target"].partition(":")[0])
        try:
            pid = os.fork()
        except OSError:
            self._tell({"id": number, "is_begun": False, "code": 1})
            return
        if not pid:
            self._read(request, out)
        self._numbers[pid] = number
        self._tell({"id": number, "is_begun": True})

    def _read(self, request: dict[str, Any], out: int) -> NoReturn:
        """
        All that a fork does. Whatever goes wrong in it ends here, and never in the code that it was forked from.
        """
        code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            self._control.close()
            os.close(self._told)
            with open(out, "wb", buffering=0, closefd=False) as frames:
                code = serve(request, frames)
        finally:
            os._exit(code)

    def _reap(self) -> None:
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            code = os.waitstatus_to_exitcode(status)
            self._tell({"id": self._numbers.pop(pid), "is_begun": True, "code": code})

    def _end(self, pids: list[int]) -> None:
        for pid in pids:
            # Not waited for yet, so that the number is nobody else's; by itself as well, for it may not lead its group yet.
            os.kill(pid, signal.SIGKILL)
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _tell(self, told: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(told).encode())


def _load(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError:
        # The fork finds the same, and ends by it.
        return
    gc.freeze()


def main() -> int:
    told, telling = os.pipe()
    os.set_blocking(telling, False)
    signal.set_wakeup_fd(telling)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Forks close it, and have nothing else of it.
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        Forks(control, told).run()
    except (BrokenPipeError, ConnectionResetError):
        # Nobody is left to read for.
        return 1
    return 0
