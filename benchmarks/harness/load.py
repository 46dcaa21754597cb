"""
The load generator, driven line by line; `benchmarks/load/README.md` lists its commands.
"""

import json
import os
import selectors
import subprocess
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from benchmarks.harness.places import BIN
from benchmarks.harness.process import LOAD_CORES, raise_file_limit

ANSWER_TIMEOUT_S = 300.0
GRACE_S = 10.0


class LoadFailed(Exception):
    """
    The generator ended or did not answer.
    """


class Load:
    def __init__(self, **options: str | int) -> None:
        arguments = [
            part
            for name, value in options.items()
            for part in ("--" + name.replace("_", "-"), str(value))
        ]

        def prepare() -> None:
            os.sched_setaffinity(0, LOAD_CORES)
            raise_file_limit()

        self._process = subprocess.Popen(
            [str(BIN / "load"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=prepare,
        )

    def ask(
        self, command: str, *, timeout_s: float = ANSWER_TIMEOUT_S, **arguments: float
    ) -> dict[str, Any]:
        """
        Give one command and wait for its line of JSON.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise LoadFailed("the generator has no pipes")
        words = " ".join([command, *(f"{name}={value:g}" for name, value in arguments.items())])
        self._process.stdin.write(words.encode() + b"\n")
        self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                raise LoadFailed(f"no answer to {words!r} within {timeout_s:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise LoadFailed(f"the generator ended at {words!r} with {self._process.wait(GRACE_S)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def connect(self, expected: int, *, seconds: float = 120) -> dict[str, Any]:
        answer = self.ask("connect", seconds=seconds)
        if answer["live"] < expected:
            raise LoadFailed(
                f"{answer['live']} of {expected} connections are live: {answer['complaint']}"
            )
        return answer

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(GRACE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def deliveries_per_cpu_s(answer: Mapping[str, Any], cpu_s: float) -> float:
    return float(answer["deliveries"]) / cpu_s if cpu_s > 0 else 0.0
