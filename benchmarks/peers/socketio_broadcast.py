"""
python-socketio: `emit` to everybody, on uvicorn.

usage: socketio_broadcast.py PORT
"""

import json
import sys

import socketio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", http_compression=False)


async def publish(request: Request) -> JSONResponse:
    await server.emit("event", json.loads(await request.body()))
    return JSONResponse({})


app = socketio.ASGIApp(server, Starlette(routes=[Route("/publish", publish, methods=["POST"])]))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", backlog=4096)
