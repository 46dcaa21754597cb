import asyncio
from collections.abc import Awaitable, Callable, Sequence

import anyio
from starlette.types import Receive

from avance.edge.drivers.limits import SocketLimits
from avance.edge.drivers.shortcut import Shortcut
from avance.edge.link import Frame, Peer


class Writer:
    """
    The `Link` over an ASGI `send`, which tells of a slow reader only by not returning.

    Frames wait here for one task per connection that sends them. While a `send` hangs, the link is not writable, so the
    session keeps back or conflates what follows, and nobody else waits.
    """

    __slots__ = (
        "_ending",
        "_frames",
        "_is_missed",
        "_is_sending",
        "_limits",
        "_scope",
        "_size",
        "_timer",
        "_waiter",
        "is_aborted",
        "is_over",
        "shortcut",
    )

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._scope = anyio.CancelScope()
        self._frames: list[Frame] = []
        self._size = 0
        self._is_sending = False
        self._is_missed = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ending: tuple[int, str] | None = None
        self.is_over = False
        """Closed, aborted or gone: nothing more is taken."""
        self.is_aborted = False
        self.shortcut: Shortcut | None = None
        """Takes what is written while nothing waits here."""

    @property
    def is_writable(self) -> bool:
        if self._is_writable():
            return True
        # Whoever saw this waits for `Peer.resume`.
        self._is_missed = True
        self._wake()
        return False

    def write(self, frames: Sequence[Frame]) -> None:
        if self.is_over:
            return
        if self.shortcut is not None and not self._frames and not self._is_sending:
            self._write_past(self.shortcut, frames)
            return
        self._frames += frames
        self._size += sum([len(frame.payload) for frame in frames])
        if self._size > self._limits.write_bytes_max:
            self.abort()
        else:
            self._wake()

    def close(self, code: int, reason: str) -> None:
        if not self.is_over:
            self.is_over = True
            self._ending = (code, reason)
            self._timer = asyncio.get_running_loop().call_later(
                self._limits.close_timeout_s, self.abort
            )
            self._wake()

    def abort(self) -> None:
        self.is_over = True
        self.is_aborted = True
        self._ending = None
        self._frames.clear()
        self._size = 0
        self._scope.cancel()

    async def run(
        self,
        peer: Peer,
        *,
        read: Callable[[], Awaitable[None]],
        send: Callable[[Sequence[Frame]], Awaitable[None]],
        end: Callable[[int, str], Awaitable[None]],
    ) -> None:
        """
        Send what is written until `read` returns, which is when the other side is gone, or the link is aborted.
        """

        async def write() -> None:
            try:
                await self._send_all(peer, send)
                if self._ending is not None:
                    await end(*self._ending)
            except OSError:
                # How a server says that the client is gone (ASGI 2.4); `read` is about to hear the same.
                self._frames.clear()

        try:
            with self._scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(write)
                    await read()
                    group.cancel_scope.cancel()
        finally:
            self.is_over = True
            if self._timer is not None:
                self._timer.cancel()

    async def _send_all(
        self, peer: Peer, send: Callable[[Sequence[Frame]], Awaitable[None]]
    ) -> None:
        while True:
            while self._frames:
                frames, self._frames = self._frames, []
                self._is_sending = True
                await send(frames)
                self._is_sending = False
                self._size -= sum([len(frame.payload) for frame in frames])
            while self._is_missed and self.shortcut is not None and not self.shortcut.is_writable:
                await self.shortcut.drained()
            if self._is_missed and self._is_writable():
                self._is_missed = False
                peer.resume()
            elif self.is_over:
                return
            else:
                await self._sleep()

    def _is_writable(self) -> bool:
        if self._is_sending or self._size > self._limits.write_high_bytes:
            return False
        return self.shortcut is None or self.shortcut.is_writable

    def _write_past(self, shortcut: Shortcut, frames: Sequence[Frame]) -> None:
        if len(frames) == 1:
            data = frames[0].websocket
        else:
            data = b"".join([frame.websocket for frame in frames])
        if (
            not shortcut.is_writable
            and shortcut.unsent_bytes + len(data) > self._limits.write_bytes_max
        ):
            self.abort()
        else:
            shortcut.write(data)

    async def _sleep(self) -> None:
        """
        Until there is something to do.
        """
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
        self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def drop_transport(receive: Receive) -> None:
    """
    Abort the transport behind an ASGI connection, where the server lets it be seen.

    ASGI has no abort, and a server that only closes waits for a client that does not read until TCP gives up, even when
    it shuts down. uvicorn's `receive` is a method of the object that owns the transport; frameworks wrap `send`, seldom
    `receive`. Any other server ends the connection in its own time.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    abort = getattr(transport, "abort", None)
    if callable(abort):
        abort()
