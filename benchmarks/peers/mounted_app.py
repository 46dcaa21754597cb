"""
A stranger's FastAPI app with avance in it, on plain uvicorn: what replaces the connection manager.

usage: mounted_app.py PORT
"""

import sys

import uvicorn
from fastapi import FastAPI, Request

from avance import Avance
from avance.integrations.fastapi import install

host = FastAPI()
app = Avance()
install(host, app)


@host.post("/publish")
async def publish(request: Request) -> dict[str, str]:
    await app.publish("bench:live", await request.json())
    return {}


if __name__ == "__main__":
    uvicorn.run(host, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", backlog=4096)
