"""
A child process for one file: if the file kills it, it kills nothing else.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio.lowlevel import RunVar

from avance.apps.reading.errors import Unreadable
from avance.apps.reading.limits import READING_LIMITS, ReadingLimits

HEAD_BYTES = 4
_START = str(Path(__file__).with_name("start.py"))
_children: RunVar[anyio.CapacityLimiter] = RunVar("avance.reading.children")


class Sandbox:
    """
    Runs a generator function by name, as `module:function`, in a child of its own with limits on memory, processor and time. What it yields are
    msgspec structs; they come back as JSON.
    """

    def __init__(self, limits: ReadingLimits = READING_LIMITS) -> None:
        self._limits = limits

    async def run(self, target: str, arguments: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """
        Iterate over what the function yields. Leaving the iteration ends the child.

        Raises:
            Unreadable: The child died, took too much, or sent what is too large; the code says which.
        """
        # A thousand files at once are read a few at a time: each child may take its whole memory.
        async with _room(self._limits.children_max), self._started(target, arguments) as process:
            assert process.stdout is not None
            while True:
                try:
                    with anyio.fail_after(self._limits.wall_s_max):
                        frame = await self._frame(process.stdout)
                except TimeoutError:
                    raise Unreadable(
                        f"the file was read for over {self._limits.wall_s_max:.0f} s without a result",
                        code="document_timeout",
                    ) from None
                if frame is None:
                    break
                yield frame
            await self._check_end(process)

    @asynccontextmanager
    async def _started(
        self, target: str, arguments: Mapping[str, Any]
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        request = {
            "target": target,
            "arguments": dict(arguments),
            "memory_bytes_max": self._limits.memory_bytes_max,
            "cpu_s_max": self._limits.cpu_s_max,
            "limits": msgspec.to_builtins(self._limits),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            _START,
            "avance.apps.reading.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # What libraries print about a stranger's file is of use to nobody.
            stderr=asyncio.subprocess.DEVNULL,
            limit=65_536,
            # A group of its own, so that whatever it starts ends with it; one thread for libraries that would take every processor.
            start_new_session=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"},
        )
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            yield process
        finally:
            _kill(process)
            with anyio.CancelScope(shield=True):
                await process.wait()

    async def _frame(self, stream: asyncio.StreamReader) -> bytes | None:
        try:
            size = int.from_bytes(await stream.readexactly(HEAD_BYTES), "big")
            if size > self._limits.frame_bytes_max:
                raise Unreadable(
                    f"a part of the file has {size} bytes; the limit is {self._limits.frame_bytes_max}",
                    code="document_too_large",
                )
            return await stream.readexactly(size)
        except asyncio.IncompleteReadError:
            return None

    async def _check_end(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        if code == 0:
            return
        if code == -signal.SIGXCPU or code == -signal.SIGKILL:
            raise Unreadable(
                f"reading the file took over {self._limits.cpu_s_max} s of processor time",
                code="document_timeout",
            )
        raise Unreadable(
            "the file made its reader fail: it is damaged, or needs more memory than is allowed",
            code="document_crashed",
            exit_code=code,
        )


def _room(most: int) -> anyio.CapacityLimiter:
    """
    How many children there may be at once, in all of this event loop.
    """
    limiter = _children.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(most)
        _children.set(limiter)
    return limiter


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
