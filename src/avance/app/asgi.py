"""
An ASGI app with a lifespan of our own around it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def with_lifespan(
    app: "ASGIApp", open_: Callable[[], AbstractAsyncContextManager[Any]]
) -> "ASGIApp":
    """
    Open on startup, close on shutdown; every other scope goes to the app.
    """

    async def serve(scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, open_)
        else:
            await app(scope, receive, send)

    return serve


async def _lifespan(
    receive: "Receive", send: "Send", open_: Callable[[], AbstractAsyncContextManager[Any]]
) -> None:
    await receive()
    is_started = False
    try:
        async with open_():
            is_started = True
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except Exception as error:
        failed = "lifespan.shutdown.failed" if is_started else "lifespan.startup.failed"
        await send({"type": failed, "message": str(error)})
        raise
    await send({"type": "lifespan.shutdown.complete"})
