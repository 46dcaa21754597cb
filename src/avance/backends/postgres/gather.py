"""
A thread that performs what waits together, in one transaction.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Operation:
    __slots__ = ("future", "work")

    def __init__(self, work: Any, future: "asyncio.Future[Any]") -> None:
        self.work = work
        self.future = future


class Gatherer:
    def __init__(
        self,
        name: str,
        *,
        perform: Callable[[list[Operation]], list[Outcome]],
        deliver: Callable[[list[Outcome]], None],
        ops_max: int,
    ) -> None:
        self._perform = perform
        self._deliver = deliver
        self._ops_max = ops_max
        self._batch: list[Operation] = []
        self._inbox: queue.SimpleQueue[list[Operation] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._run, name=f"avance-postgres-{name}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def post(self, operation: Operation, loop: asyncio.AbstractEventLoop) -> None:
        if not self._batch:
            # Operations of one turn of the loop travel together: one wake-up, one transaction.
            loop.call_soon(self.hand_over)
        self._batch.append(operation)

    def hand_over(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            self._inbox.put(batch)

    def stop(self) -> None:
        """
        End after everything that was posted; blocks until then.
        """
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (operations := self._inbox.get()) is not None:
            gathered = list(operations)
            is_last = False
            while not is_last and len(gathered) < self._ops_max and not self._inbox.empty():
                more = self._inbox.get()
                is_last = more is None
                gathered.extend(more or ())
            for start in range(0, len(gathered), self._ops_max):
                self._deliver(self._apart(gathered[start : start + self._ops_max]))
            if is_last:
                return

    def _apart(self, operations: list[Operation]) -> list[Outcome]:
        """
        One that cannot be performed is found by halves, and does not touch the others.
        """
        wanted = [one for one in operations if not one.future.cancelled()]
        gone: list[Outcome] = [(one.future, None, None) for one in operations if one not in wanted]
        if not wanted:
            return gone
        try:
            return gone + self._perform(wanted)
        except Exception as error:  # noqa: BLE001  it is the caller's, who gets it
            if len(wanted) == 1 or _is_for_all(error):
                return gone + [(one.future, None, error) for one in wanted]
        middle = len(wanted) // 2
        return gone + self._apart(wanted[:middle]) + self._apart(wanted[middle:])


def _is_for_all(error: Exception) -> bool:
    return getattr(error, "code", None) in ("store_unavailable", "disk_full", "store_busy")
