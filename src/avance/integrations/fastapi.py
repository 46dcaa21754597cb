"""
avance inside somebody's own FastAPI or Starlette app.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from avance.app import Avance


def install(host: Starlette, app: Avance, *, prefix: str = "/avance") -> None:
    """
    Serve avance below a prefix of the host, and open and close it with the host.

    Call it once, while the host is put together.
    """
    engine = app.build()
    host.router.routes.extend(engine.routes(prefix))
    outer = host.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope: Any) -> AsyncIterator[Any]:
        async with app.running(engine), outer(scope) as state:
            yield state

    host.router.lifespan_context = lifespan
