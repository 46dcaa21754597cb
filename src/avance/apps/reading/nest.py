"""
A process with all that readers of files need, made ready once: each file is read in a fork of it. The fork has limits of its own and ends with its
file, so that a file harms no other, as in a process of its own; what is spared is the beginning, which takes longer than most files.
"""

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.lowlevel import RunVar

from avance.apps.reading.places import child_command, child_environment

ANSWER_BYTES_MAX = 4_096
END_S_MAX = 5.0
"""It ends when it hears nobody any more; where it does not, it is killed."""
IS_SUPPORTED = sys.platform == "linux"
"""Elsewhere, what libraries of the system do in a fork is not to be relied on; each file has a process of its own there."""
_log = logging.getLogger("avance.reading")


class Fork:
    """
    A reader of one file.
    """

    def __init__(self, nest: "Nest", number: int) -> None:
        self._nest = nest
        self.number = number
        self.stdout = asyncio.StreamReader(limit=65_536)
        self.begun: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """False where there is none: the nest is gone, or has no room."""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    def kill(self) -> None:
        if not self.ended.done():
            self._nest.end(self.number)


class Nest:
    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._forks: dict[int, Fork] = {}
        self._number = 0
        self._starting = anyio.Lock()

    @asynccontextmanager
    async def fork(self, request: Mapping[str, Any]) -> AsyncGenerator[Fork | None, None]:
        """
        A reader with this request, which is ended in the end; None where there cannot be one.
        """
        await self._start()
        self._number += 1
        fork = self._forks[self._number] = Fork(self, self._number)
        reading, writing = os.pipe()
        try:
            transport = await self._listen(fork, reading)
            try:
                self._send({"id": fork.number, "request": request}, [writing])
            finally:
                os.close(writing)
            try:
                yield fork if await fork.begun else None
            finally:
                fork.kill()
                with anyio.CancelScope(shield=True):
                    await fork.wait()
                transport.close()
        finally:
            del self._forks[fork.number]

    def end(self, number: int) -> None:
        self._send({"id": number}, [])

    async def close(self) -> None:
        self._lose()
        await self._gone()

    async def _gone(self) -> None:
        if self._process is None:
            return
        with anyio.move_on_after(END_S_MAX):
            await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None

    async def _start(self) -> None:
        # A process that began is not to be lost by a cancel before anybody knows of it.
        with anyio.CancelScope(shield=True):
            await self._started()

    async def _started(self) -> None:
        async with self._starting:
            if self._control is not None:
                return
            await self._gone()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *child_command("avance.apps.reading.nest_child"),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                    env=child_environment(),
                )
            ours.setblocking(False)
            self._control = ours
            asyncio.get_running_loop().add_reader(ours, self._hear, ours)

    async def _listen(self, fork: Fork, reading: int) -> asyncio.ReadTransport:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(fork.stdout), os.fdopen(reading, "rb", 0)
        )
        return transport

    def _send(self, told: Mapping[str, Any], files: list[int]) -> None:
        if self._control is None:
            # Whoever waits was told when it went.
            return
        try:
            socket.send_fds(self._control, [json.dumps(told).encode()], files)
        except OSError as error:
            _log.warning("the process that readers are forked from is lost: %s", error)
            self._lose()

    def _hear(self, control: socket.socket) -> None:
        try:
            data = control.recv(ANSWER_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        told = json.loads(data)
        fork = self._forks.get(told["id"])
        if fork is None:
            return
        if not fork.begun.done():
            fork.begun.set_result(told["is_begun"])
        if "code" in told:
            fork.ended.set_result(told["code"])

    def _lose(self) -> None:
        """
        It was idle for long, or has died, and its forks with it.
        """
        if self._control is None:
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._control = None
        for fork in self._forks.values():
            if not fork.begun.done():
                fork.begun.set_result(False)
            if not fork.ended.done():
                fork.ended.set_result(1)


_nest: RunVar[Nest] = RunVar("avance.reading.nest")


def nest_here() -> Nest | None:
    """
    That of this event loop.
    """
    return _nest.get(None)


@asynccontextmanager
async def kept(_host: object) -> AsyncGenerator[None, None]:
    """
    Let files be read in forks, as long as the engine runs. Nothing is started before the first of them.
    """
    if not IS_SUPPORTED or nest_here() is not None:
        yield
        return
    nest = Nest()
    token = _nest.set(nest)
    try:
        yield
    finally:
        _nest.reset(token)
        with anyio.CancelScope(shield=True):
            await nest.close()
