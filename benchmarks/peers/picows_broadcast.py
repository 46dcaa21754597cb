"""
picows: the Cython server, one `send` for each transport, on uvloop.

usage: picows_broadcast.py PORT PUBLISH_PORT
"""

import sys

import uvloop
from _publish import serve_publish
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

transports: set[WSTransport] = set()


class Connection(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        transports.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        transports.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


def accept(request: WSUpgradeRequest) -> WSListener:
    return Connection()


def broadcast(body: bytes) -> None:
    for transport in transports:
        transport.send(WSMsgType.TEXT, body)


async def main() -> None:
    await serve_publish(int(sys.argv[2]), broadcast)
    server = await ws_create_server(accept, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
