"""
A network between a process and a server that a test can cut.
"""

import asyncio
from types import TracebackType
from typing import Self

from free_port import free_port


class Link:
    """
    An async context manager: it passes bytes on to a port of this machine, until it is told otherwise. It keeps its port.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # What was aborted is closed in the next turn of the loop.
        await asyncio.sleep(0)

    async def cut(self) -> None:
        """
        Every connection ends, and no new one is taken.
        """
        self._flows.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            writer.transport.abort()

    def stall(self) -> None:
        """
        As when packets are lost: connections stay open, new ones are taken, and nothing arrives.
        """
        self._flows.clear()

    async def mend(self) -> None:
        """
        What was held back arrives, late.
        """
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._pass_on(near, back))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._writers.add(back)
        try:
            far, on = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            # The server behind is away, and the caller sees that.
            self._writers.discard(back)
            back.transport.abort()
            return
        if self._server is None:
            # It was cut meanwhile.
            on.transport.abort()
            return
        self._writers.add(on)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pump(near, on))
            tasks.create_task(self._pump(far, back))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._flows.wait()
                target.write(data)
                await target.drain()
        except OSError:
            # Either end was cut; the other is closed for it.
            pass
        finally:
            target.close()
            self._writers.discard(target)
