"""
A child process for one file: if the file kills it, it kills nothing else.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import anyio
import msgspec
from anyio.lowlevel import RunVar

from avance.apps.reading.child import HEAD_BYTES
from avance.apps.reading.errors import Unreadable
from avance.apps.reading.limits import READING_LIMITS, ReadingLimits
from avance.apps.reading.nest import nest_here
from avance.apps.reading.places import child_command, child_environment

READ_BYTES = 65_536
_children: RunVar[anyio.CapacityLimiter] = RunVar("avance.reading.children")


class Child(Protocol):
    """
    What reads a file: a process, or the fork of one.
    """

    @property
    def stdout(self) -> asyncio.StreamReader | None: ...

    async def wait(self) -> int: ...


class Sandbox:
    """
    Runs a generator function by name, as `module:function`, in a child of its own with limits on memory, processor and time. What it yields are
    msgspec structs; they come back as JSON.
    """

    def __init__(self, limits: ReadingLimits = READING_LIMITS, *, is_forked: bool = False) -> None:
        """
        Args:
            is_forked: Begin as a fork, where there is a `Nest`: for functions whose modules may be imported in the process that others come from.
        """
        self._limits = limits
        self._is_forked = is_forked

    async def run(self, target: str, arguments: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """
        Iterate over what the function yields. Leaving the iteration ends the child.

        Raises:
            Unreadable: The child died, took too much, or sent what is too large; the code says which.
        """
        # A thousand files at once are read a few at a time: each child may take its whole memory.
        async with _room(self._limits.children_max), self._started(target, arguments) as process:
            assert process.stdout is not None
            waiting = bytearray()
            while data := await self._some(process.stdout):
                waiting += data
                for frame in self._whole(waiting):
                    yield frame
            await self._check_end(process)

    @asynccontextmanager
    async def _started(self, target: str, arguments: Mapping[str, Any]) -> AsyncIterator[Child]:
        request = {
            "target": target,
            "arguments": dict(arguments),
            "memory_bytes_max": self._limits.memory_bytes_max,
            "cpu_s_max": self._limits.cpu_s_max,
            "limits": msgspec.to_builtins(self._limits),
        }
        async with AsyncExitStack() as stack:
            nest = nest_here() if self._is_forked else None
            child: Child | None = None
            if nest is not None:
                child = await stack.enter_async_context(nest.fork(request))
            if child is None:
                child = await stack.enter_async_context(_executed(request))
            yield child

    async def _some(self, stream: asyncio.StreamReader) -> bytes:
        try:
            with anyio.fail_after(self._limits.wall_s_max):
                return await stream.read(READ_BYTES)
        except TimeoutError:
            raise Unreadable(
                f"the file was read for over {self._limits.wall_s_max:.0f} s without a result",
                code="document_timeout",
            ) from None

    def _whole(self, waiting: bytearray) -> Iterator[bytes]:
        """
        Take the frames off that are there as a whole.
        """
        start = 0
        while len(waiting) >= start + HEAD_BYTES:
            end = start + HEAD_BYTES + int.from_bytes(waiting[start : start + HEAD_BYTES], "big")
            size = end - start - HEAD_BYTES
            if size > self._limits.frame_bytes_max:
                raise Unreadable(
                    f"a part of the file has {size} bytes; the limit is {self._limits.frame_bytes_max}",
                    code="document_too_large",
                )
            if len(waiting) < end:
                break
            yield bytes(waiting[start + HEAD_BYTES : end])
            start = end
        del waiting[:start]

    async def _check_end(self, process: Child) -> None:
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


@asynccontextmanager
async def _executed(request: Mapping[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *child_command("avance.apps.reading.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # What libraries print about a stranger's file is of use to nobody.
        stderr=asyncio.subprocess.DEVNULL,
        limit=READ_BYTES,
        # A group of its own, so that whatever it starts ends with it.
        start_new_session=True,
        env=child_environment(),
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        yield process
    finally:
        _kill(process)
        with anyio.CancelScope(shield=True):
            await process.wait()


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
