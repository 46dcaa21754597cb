"""
Listening to the sockets of documents as a page does.
"""

import json
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]


async def frames(url: str, path: str, **headers: str) -> tuple[list[Frame], int | None]:
    """
    All that a socket says until the server closes it, and with which code.
    """
    address = f"{url.replace('http', 'ws', 1)}{path}"
    async with connect(address, additional_headers=headers, open_timeout=60) as one:
        said = []
        # Iterating raises for every code but 1000, which is not what is asked here.
        with suppress(ConnectionClosed):
            while True:
                said.append(json.loads(await one.recv()))
    return said, one.close_code


def bare(frame: Frame) -> Frame:
    """
    A frame without its time.
    """
    return {key: value for key, value in frame.items() if key != "timestamp"}
