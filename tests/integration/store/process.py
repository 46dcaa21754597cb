import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection

# The server imports once; each process of a test is a fork of it, and has nothing of the test's own process.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.integration.store.actors"])


class Process:
    """
    A process of our own, and what it says.
    """

    def __init__(self, target: Callable[..., None], arguments: tuple[object, ...]) -> None:
        self.connection, theirs = _context.Pipe()
        self._process = _context.Process(target=target, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    async def hear(self) -> object:
        """
        The next thing that it says; None when it has ended.
        """
        return await asyncio.to_thread(self._hear)

    def _hear(self) -> object:
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            return None

    async def hear_all(self) -> list[object]:
        heard = []
        while (said := await self.hear()) is not None:
            heard.append(said)
        return heard

    async def ended(self) -> int | None:
        await asyncio.to_thread(self._process.join)
        return self._process.exitcode

    async def kill(self) -> None:
        self._process.kill()
        await self.ended()


@asynccontextmanager
async def run(target: Callable[..., None], *arguments: object) -> AsyncIterator[Process]:
    """
    A process that is gone after the block.
    """
    process = await asyncio.to_thread(Process, target, arguments)
    try:
        yield process
    finally:
        await process.kill()
        process.connection.close()


__all__ = ["Connection", "Process", "run"]
