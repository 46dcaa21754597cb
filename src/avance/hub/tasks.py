import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)


class Tasks:
    """
    Owns the tasks of a component; leaving it cancels them and waits. One that fails is logged and takes nothing with it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._group: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        group, self._group = self._group, None
        assert group is not None
        for task in tuple(self._running):
            task.cancel()
        await group.__aexit__(None, None, None)

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None] | None:
        """
        Run in the background. After the component was closed it does nothing.
        """
        if self._group is None:
            work.close()
            return None
        task = self._group.create_task(self._guard(work), name=self._name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # A task that is cancelled before its first step would leave its work behind, never awaited.
        task.add_done_callback(lambda _: work.close())
        return task

    async def _guard(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("a task of %s failed", self._name)
