"""
The serving side's end of one child: its process, and the connection to it.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import cast

import anyio
import msgspec

from avance.backends.embedded.course import Course
from avance.backends.embedded.frames import (
    Answer,
    Down,
    Frames,
    Hello,
    Leave,
    OversizedFrame,
    Start,
    Stop,
    Up,
    decode_up,
    frame_down,
)
from avance.backends.embedded.guard import Guard
from avance.backends.embedded.limits import EmbeddedLimits

_HAS_PIDFD = hasattr(os, "pidfd_open")


class Link(asyncio.Protocol):
    """
    Alive from `open` until `gone` is set, which happens exactly once: the process has ended and all that it had sent is read.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        guard: Guard,
        receive: Callable[["Link", Up], None],
        limits: EmbeddedLimits,
    ) -> None:
        self.pid = process.pid
        self.course: Course | None = None
        self.jobs_done = 0
        self.is_ready = False
        self.is_leaving = False
        self.fault: str | None = None
        """Why it is of no use, if it said so or we found out."""
        self.gone = asyncio.Event()
        self._process = process
        self._guard = guard
        self._receive = receive
        self._limits = limits
        self._frames = Frames(limits.frame_bytes_max)
        self._transport: asyncio.Transport | None = None
        self._control: asyncio.WriteTransport | None = None
        self._pidfd: int | None = None
        self._is_closed = False
        self._is_reaped = False
        self._killer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls,
        hello: Hello,
        guard: Guard,
        receive: Callable[["Link", Up], None],
        limits: EmbeddedLimits,
    ) -> "Link":
        """
        Start a child and greet it.

        Raises:
            OSError: The system gives no more processes or files.
        """
        ours, theirs = socket.socketpair()
        our_control, their_control = socket.socketpair()
        try:
            with theirs, their_control:
                fds = (theirs.fileno(), their_control.fileno())
                process = await anyio.to_thread.run_sync(_start, fds)
        except BaseException:
            ours.close()
            our_control.close()
            raise
        guard.watch(process.pid)
        link = cls(process, guard, receive, limits)
        loop = asyncio.get_running_loop()
        try:
            for connection in (ours, our_control):
                connection.setblocking(False)
            link._control, _ = await loop.create_unix_connection(asyncio.Protocol, sock=our_control)
            await loop.create_unix_connection(lambda: link, sock=ours)
        except BaseException:
            ours.close()
            our_control.close()
            link.kill()
            raise
        link._watch(loop)
        link.send(hello)
        return link

    @property
    def exit(self) -> str:
        """
        How the process ended, in words.
        """
        code = self._process.returncode
        if code is None:
            return "its process closed the connection"
        if code < 0:
            return f"its process was ended by {_signal_name(-code)}"
        return f"its process exited with code {code}"

    def send(self, message: Hello | Start | Leave) -> None:
        """
        Say what the child hears once it has nothing else to do.
        """
        self._write(self._transport, message)

    def call(self, message: Stop | Answer) -> None:
        """
        Say what it hears while it runs a task.
        """
        self._write(self._control, message)

    def _write(self, transport: asyncio.WriteTransport | None, message: Down) -> None:
        # Of two connections to a child that dies one is closed first; what is for it then has nobody to hear it.
        if transport is not None and not self._is_closed and not transport.is_closing():
            transport.write(frame_down(message))

    def pause(self, *, is_paused: bool) -> None:
        """
        Leave what the child sends where it is; once the pipe is full, its task waits.
        """
        if self._transport is None or self._is_closed or self._is_reaped:
            return
        if is_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def leave(self) -> None:
        """
        Let the child end by itself; it has nothing to do.
        """
        if not self.is_leaving:
            self.is_leaving = True
            self.send(Leave())
            self.kill_later(self._limits.leave_grace_s)

    def kill_later(self, delay_s: float) -> None:
        if self._killer is None:
            self._killer = asyncio.get_running_loop().call_later(delay_s, self.kill)

    def kill(self) -> None:
        """
        End the child and all that its task started, at once.
        """
        # Only before it is reaped: until then the number of the group cannot belong to anybody else.
        if self._is_reaped:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # PermissionError: how macOS answers for a group that has ended and is not reaped.
            self._process.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        # What comes after rubbish is not to be believed, and it may come before the kill takes effect.
        if self.fault is not None:
            return
        try:
            for frame in self._frames.feed(data):
                self._receive(self, decode_up(frame))
        except (msgspec.MsgspecError, OversizedFrame) as error:
            self.fault = f"it sent what cannot be read ({error})"
            self.kill()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_closed = True
        if not self.is_leaving:
            self.kill()
        if not _HAS_PIDFD:
            self._guard.forget(self.pid)
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, self._process.wait).add_done_callback(self._reap)
        self._settle()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        # The connection alone would do, were it not for tasks that fork: their children hold it open.
        if _HAS_PIDFD:
            self._pidfd = os.pidfd_open(self.pid)
            loop.add_reader(self._pidfd, self._reap)

    def _reap(self, *_: object) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        self.kill()
        self.pause(is_paused=False)
        self._guard.forget(self.pid)
        self._process.poll()
        self._is_reaped = True
        if self._killer is not None:
            self._killer.cancel()
        self._settle()
        if not self._is_closed and self._transport is not None:
            # What it sent before is still read; the end of the file follows, unless somebody else holds the connection.
            asyncio.get_running_loop().call_later(self._limits.last_words_s, self._transport.abort)

    def _settle(self) -> None:
        if self._is_closed and self._is_reaped:
            if self._control is not None:
                self._control.abort()
            self.gone.set()


def _start(connections: tuple[int, int]) -> subprocess.Popen[bytes]:
    # -P: a file in the working directory must not stand in for a module of the standard library.
    # A session of its own: a Ctrl-C in the terminal stays with the server, and the group can be killed as one.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "avance.backends.embedded.child", *map(str, connections)],
        stdin=subprocess.DEVNULL,
        stdout=2,
        pass_fds=connections,
        start_new_session=True,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
