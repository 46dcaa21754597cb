"""
The serving side of guard_main.py.
"""

import logging
import os
import subprocess
import sys
from pathlib import Path

import anyio

_log = logging.getLogger("avance.embedded")
_PROGRAM = Path(__file__).with_name("guard_main.py")


class Guard:
    """
    Sees to it that no child outlives this process, however it ends.
    """

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._starting = anyio.Lock()

    async def ensure(self) -> None:
        """
        Start the guarding process, if it does not run.

        Raises:
            OSError: The system gives no more processes or files.
        """
        async with self._starting:
            if self._process is None or self._process.poll() is not None:
                await self._open()

    def watch(self, group: int) -> None:
        self._groups.add(group)
        self._say("+", group)

    def forget(self, group: int) -> None:
        """
        Before the group's leader is reaped: after that the number may be given to others.
        """
        self._groups.discard(group)
        self._say("-", group)

    async def close(self) -> None:
        """
        Let the guarding process end; it kills what it still watches.
        """
        self._close_pipe()
        if self._process is not None:
            await anyio.to_thread.run_sync(self._process.wait)

    async def _open(self) -> None:
        self._close_pipe()
        theirs, ours = os.pipe()
        try:
            self._process = await anyio.to_thread.run_sync(_start, theirs)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        self._pipe = ours
        for group in self._groups:
            self._say("+", group)

    def _say(self, sign: str, group: int) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, f"{sign}{group}\n".encode())
        except OSError as error:
            # It ended, or was suspended; a new one is told of all groups before the next child is started.
            _log.warning("the guard of the worker processes does not listen: %s", error)
            self._close_pipe()
            if self._process is not None:
                self._process.kill()

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


def _start(pipe: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROGRAM)],
        stdin=pipe,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
