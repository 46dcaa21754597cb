"""
A process that has the file open holds a lock on `<file>.d/<node>.lock`. The system frees it when the process dies, however it dies, so
a lock that can be taken tells that the node is dead.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from avance.errors import ConfigError

_TRIES = 50
_TRY_EVERY_S = 0.01


class NodeLocks:
    """
    Used in the writer's thread only.
    """

    def __init__(self, path: str | None) -> None:
        """
        Args:
            path: The database; None where no other process can see it.
        """
        self._folder = None if path is None else Path(path + ".d")
        self._held: dict[str, int] = {}
        self._fresh: set[str] = set()

    def hold(self, node: str) -> None:
        """
        Take the lock of a node for as long as this process lives. Repeating it does nothing.

        Raises:
            ConfigError: Another process that is alive has that name.
        """
        if self._folder is None or node in self._held:
            return
        self._folder.mkdir(exist_ok=True)
        # A neighbour that looks whether the node is dead holds the lock for a moment.
        for _ in range(_TRIES):
            descriptor = _take(self._path(node), creates=True)
            if descriptor is not None:
                self._held[node] = descriptor
                self._fresh.add(node)
                return
            time.sleep(_TRY_EVERY_S)
        raise ConfigError(
            f"a process that is alive already works as node {node} on {self._folder}; give each process its own name",
            code="node_taken",
            node=node,
        )

    @property
    def held(self) -> tuple[str, ...]:
        return tuple(self._held)

    def take_fresh(self) -> set[str]:
        """
        The nodes that this process has become since the last call: whatever ran under their names before is dead.
        """
        fresh, self._fresh = self._fresh, set()
        return fresh

    @contextmanager
    def if_dead(self, node: str) -> Iterator[bool]:
        """
        Tell whether a node is known to be dead, and keep its name from being taken within the block.
        """
        if self._folder is None or node in self._held:
            yield False
            return
        path = self._path(node)
        descriptor = _take(path, creates=False)
        if descriptor is None:
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)

    def remove(self, node: str) -> None:
        """
        Remove the file of a node that is dead, or that ends now and leaves nothing running.
        """
        if self._folder is not None:
            self._path(node).unlink(missing_ok=True)

    def release(self) -> None:
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    def _path(self, node: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{quote(node, safe='')}.lock"


if sys.platform == "win32":

    def _take(path: Path, *, creates: bool) -> int | None:
        # Without flock a dead worker is noticed when its lease runs out.
        return os.open(path, os.O_RDWR | os.O_CREAT) if creates else None

else:
    import fcntl

    def _take(path: Path, *, creates: bool) -> int | None:
        try:
            descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if creates else 0), 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if not _is_still(path, descriptor):
            os.close(descriptor)
            return None
        return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    # Somebody may have removed the file between open and lock.
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
