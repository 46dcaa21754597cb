"""
The connection manager that everybody writes, on granian instead of uvicorn.

usage: granian_manager.py PORT
"""

import sys

from granian import Granian
from granian.constants import Interfaces, Loops

if __name__ == "__main__":
    Granian(
        "fastapi_manager:app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=1,
        backlog=4096,
        log_enabled=False,
    ).serve()
