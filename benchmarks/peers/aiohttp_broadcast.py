"""
aiohttp: a set of sockets and one `send_str` for each, on uvloop.

usage: aiohttp_broadcast.py PORT
"""

import sys

import uvloop
from aiohttp import web

connections: set[web.WebSocketResponse] = set()


async def connection(request: web.Request) -> web.WebSocketResponse:
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    connections.add(websocket)
    try:
        async for _ in websocket:
            pass
    finally:
        connections.discard(websocket)
    return websocket


async def publish(request: web.Request) -> web.Response:
    message = await request.text()
    for websocket in list(connections):
        await websocket.send_str(message)
    return web.json_response({})


app = web.Application()
app.add_routes([web.get("/connection/websocket", connection), web.post("/publish", publish)])

if __name__ == "__main__":
    uvloop.install()
    web.run_app(
        app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, backlog=4096
    )
