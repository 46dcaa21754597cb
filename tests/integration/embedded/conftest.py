"""
An embedded executor with real child processes, and what the tests need to look at it from outside.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from avance.backends.embedded import EMBEDDED_LIMITS, EmbeddedExecutor
from avance.model.report import LogWritten
from avance.ports.executor import Run
from avance.testing.conformance.executor import ReportLog

HERE = Path(__file__).parent


class Rig:
    def __init__(self, executor: EmbeddedExecutor, log: ReportLog) -> None:
        self.executor = executor
        self.log = log

    def start(self, job_id: str, task: str, *args: object, **options: Any) -> None:
        encoded = msgspec.json.encode({"args": args, "kwargs": {}})
        known: dict[str, Any] = {"attempt": 1, "runner": "process", **options}
        self.executor.start(Run(job_id=job_id, task=task, input=encoded, **known))

    async def ready(self, places: int = 1, runner: str = "process") -> None:
        await self.log.until(lambda: self.executor.free()[runner] >= places)

    @property
    def pids(self) -> list[int]:
        return [info["pid"] for info in self.executor.workers()]

    def pid_of(self, job_id: str) -> int:
        return next(info["pid"] for info in self.executor.workers() if info["job_id"] == job_id)

    async def told_pid(self, job_id: str) -> int:
        """
        The process that the task says it started.
        """
        await self.log.running(job_id)
        lines = [one for one in self.log.of(job_id) if isinstance(one, LogWritten)]
        return int(str(lines[0].fields["pid"]))

    @staticmethod
    def is_alive(pid: int) -> bool:
        """
        Whether a process runs; one that has ended and waits to be reaped does not.
        """
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return status.rpartition(")")[2].split()[0] not in ("Z", "X")

    @classmethod
    async def dead(cls, *pids: int) -> None:
        """
        Wait until processes that are nobody's children here are gone; the system tells of that to their parent alone.
        """
        while any(cls.is_alive(pid) for pid in pids):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    @classmethod
    def guards(cls) -> list[int]:
        """
        The guarding processes that this one has started.
        """
        children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids}
        return [
            pid
            for pid, command in commands.items()
            if b"guard_main.py" in command and cls.is_alive(pid)
        ]


Opened = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def rig_tools() -> type[Rig]:
    return Rig


@pytest.fixture
def release(opened: Opened) -> Iterator[threading.Event]:
    """
    Ends what the tasks `deaf` and `stubborn_async` hold; at the latest after the test.
    """
    import embedded_program  # noqa: PLC0415 - findable once `opened` is there

    embedded_program.RELEASED.clear()
    yield embedded_program.RELEASED
    embedded_program.RELEASED.set()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """
    `async with opened(processes=1) as rig`: an executor whose children have imported embedded_program.
    """
    # The children take over the search path of their parent.
    monkeypatch.syspath_prepend(str(HERE))
    import embedded_program  # noqa: PLC0415 - findable from here on

    @asynccontextmanager
    async def open_executor(
        *, waits: bool = True, fetches_ahead: bool = False, **settings: Any
    ) -> AsyncIterator[Rig]:
        known = {"processes": 0, "threads": 0, "async_max": 0, **settings}
        known.setdefault("child_target", "embedded_program:performer")
        if not fetches_ahead:
            # A place that is free is then a child that is idle.
            known["limits"] = replace(known.get("limits", EMBEDDED_LIMITS), ahead_max=0)
        executor = EmbeddedExecutor(performer=embedded_program.performer(), **known)
        log = ReportLog()
        log.attach(executor)
        async with executor:
            rig = Rig(executor, log)
            if waits:
                await rig.ready(known["processes"])
            yield rig

    return open_executor
