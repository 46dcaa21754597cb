"""
A publish trigger for servers that speak WebSocket only: the least HTTP/1.1 that takes a POST and answers it.
"""

import asyncio
from collections.abc import Callable

BODY_BYTES_MAX = 1 << 20
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


async def serve_publish(port: int, broadcast: Callable[[bytes], None]) -> asyncio.Server:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, rest = head.lower().partition(b"content-length:")
                length = int(rest.split(b"\r\n", 1)[0])
                if length > BODY_BYTES_MAX:
                    break
                broadcast(await reader.readexactly(length))
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", port)
