"""
The protocol spoken by hand, for what no client library would do.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from stock import PATIENCE_S
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class Raw:
    """
    One WebSocket with JSON frames.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._waiting: list[dict[str, Any]] = []
        self._id = 0

    async def send(self, *commands: dict[str, Any]) -> None:
        await self.socket.send("\n".join(json.dumps(command) for command in commands))

    async def next(self) -> dict[str, Any]:
        """
        The next message that is no ping.
        """
        with anyio.fail_after(PATIENCE_S):
            while not self._waiting:
                text = await self.socket.recv()
                self._waiting += [json.loads(line) for line in str(text).split("\n")]
        message = self._waiting.pop(0)
        return message if message else await self.next()

    async def ask(self, **command: Any) -> dict[str, Any]:
        """
        Send a command and answer its reply, passing over pushes.
        """
        self._id += 1
        await self.send({"id": self._id, **command})
        while True:
            message = await self.next()
            if message.get("id") == self._id:
                return message

    async def push(self, kind: str) -> dict[str, Any]:
        while True:
            message = await self.next()
            push = message.get("push", {})
            if kind in push:
                return push

    async def closed(self) -> tuple[int, str]:
        """
        Read to the end; the code and the reason of the close frame.
        """
        end: ConnectionClosed | None = None
        with anyio.fail_after(PATIENCE_S):
            while end is None:
                try:
                    await self.socket.recv()
                except ConnectionClosed as error:
                    end = error
        assert end.rcvd is not None, "the connection ended without a close frame"
        return end.rcvd.code, end.rcvd.reason


@asynccontextmanager
async def raw(url: str, **options: Any) -> AsyncIterator[Raw]:
    async with connect(url, compression=None, **options) as socket:
        yield Raw(socket)
