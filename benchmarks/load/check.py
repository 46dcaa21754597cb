"""
Does the generator notice what it is there to notice? A server that lies: python -m benchmarks.load.check
"""

import asyncio
import base64
import hashlib
import json
import threading
from typing import Any

from benchmarks.harness.load import Load
from benchmarks.harness.setup import build_load

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OFFSETS = (1, 2, 4, 4, 5)
"""One is missing and one comes twice."""


def _frame(message: dict[str, Any]) -> bytes:
    payload = json.dumps(message, separators=(",", ":")).encode()
    size = (
        bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    )
    return b"\x81" + size + payload


class Liar:
    """
    Subscribes whoever comes; a POST makes it publish.
    """

    def __init__(self) -> None:
        self._subscriber: asyncio.StreamWriter | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            self._publish()
            await reader.read()
            return
        key = next(
            line[19:] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: ")
        )
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        await reader.read(4096)
        writer.write(_frame({"id": 1, "connect": {"client": "c", "version": "liar", "ping": 25}}))
        position = {"positioned": True, "recoverable": True, "epoch": "e"}
        writer.write(_frame({"id": 2, "subscribe": position}))
        self._subscriber = writer
        await reader.read()

    def _publish(self) -> None:
        assert self._subscriber is not None
        for offset in OFFSETS:
            # A key named offset inside the data, before the real one: it must not be taken for it.
            data = {"t": 1, "offset": 99, "text": 'a "quoted" } bracket'}
            push = {"push": {"channel": "bench", "pub": {"data": data, "offset": offset}}}
            self._subscriber.write(_frame(push))


def _serve(started: "threading.Event", port: list[int], loop: asyncio.AbstractEventLoop) -> None:
    async def start() -> None:
        server = await asyncio.start_server(Liar().handle, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        started.set()

    loop.run_until_complete(start())
    loop.run_forever()


def main() -> None:
    build_load()
    started, port, loop = threading.Event(), list[int](), asyncio.new_event_loop()
    threading.Thread(target=_serve, args=(started, port, loop), daemon=True).start()
    started.wait(10)
    with Load(port=port[0], dialect="centrifugo", connections=1) as load:
        load.ask("connect", seconds=5)
        answer = load.ask("run", rate=1, events=1, deliveries=len(OFFSETS), seconds=5)
    assert answer["offset_max"] == OFFSETS[-1], answer
    assert (answer["gaps"], answer["duplicates"]) == (1, 1), answer
    print("a missing offset and a doubled one were both noticed")


if __name__ == "__main__":
    main()
