"""
`websockets` with its own `broadcast`, on uvloop.

usage: websockets_broadcast.py PORT PUBLISH_PORT
"""

import sys

import uvloop
from _publish import serve_publish
from websockets.asyncio.server import ServerConnection, broadcast, serve

connections: set[ServerConnection] = set()


async def connection(websocket: ServerConnection) -> None:
    connections.add(websocket)
    try:
        await websocket.wait_closed()
    finally:
        connections.discard(websocket)


async def main() -> None:
    port, publish_port = int(sys.argv[1]), int(sys.argv[2])
    await serve_publish(publish_port, lambda body: broadcast(connections, body.decode()))
    async with serve(connection, "127.0.0.1", port, backlog=4096) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
