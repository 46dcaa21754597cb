"""
`/health`, `/ready` and `/metrics`.
"""

import logging
from collections.abc import Mapping

import anyio
import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.edge.http.answer import json_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.metrics import CONTENT_TYPE
from avance.edge.http.openapi import described
from avance.edge.http.services import Health, HttpServices, Probe
from avance.edge.http.shapes import HealthAnswer, Part, ReadyAnswer
from avance.model.moment import wire_time

logger = logging.getLogger("avance.http")


class HealthRoutes:
    def __init__(self, services: HttpServices) -> None:
        self._services = services

    def router(self) -> APIRouter:
        router = APIRouter(tags=["operations"])
        described(router, "GET", "/health", self.health, answer=HealthAnswer, is_public=True)
        described(router, "HEAD", "/health", self.health, is_public=True, is_hidden=True)
        described(router, "GET", "/ready", self.ready, answer=ReadyAnswer, is_public=True)
        described(router, "GET", "/metrics", self.metrics, media_type="text/plain")
        return router

    async def health(self, request: Request) -> Response:
        """
        Whether the process answers, and how its parts are.
        """
        parts = await self._ask()
        return json_answer(
            HealthAnswer(
                status="healthy",
                version=self._services.version,
                timestamp=self._now(),
                parts=_shown(parts),
            )
        )

    async def ready(self, request: Request) -> Response:
        """
        Whether the server can do its work now; 503 with the parts that it lacks.
        """
        parts = await self._ask()
        is_ready = all(part.is_ok or not part.is_required for part in parts.values())
        answer = ReadyAnswer(
            status="ready" if is_ready else "not_ready", timestamp=self._now(), parts=_shown(parts)
        )
        return json_answer(answer, 200 if is_ready else 503)

    async def metrics(self, request: Request) -> Response:
        """
        Numbers for Prometheus; in token mode for admins.
        """
        caller(request).require_admin()
        return Response(await self._services.metrics.render(), media_type=CONTENT_TYPE)

    def _now(self) -> str:
        return wire_time(self._services.clock.now_ms())

    async def _ask(self) -> Mapping[str, Health]:
        parts: dict[str, Health] = {}

        async def ask(name: str, probe: Probe) -> None:
            parts[name] = await _health(name, probe, self._services.limits.probe_timeout_s)

        async with anyio.create_task_group() as tasks:
            for name, probe in self._services.probes.items():
                tasks.start_soon(ask, name, probe)
        return dict(sorted(parts.items()))


async def _health(name: str, probe: Probe, timeout_s: float) -> Health:
    try:
        with anyio.fail_after(timeout_s):
            return await probe()
    except TimeoutError:
        return Health(is_ok=False, detail=f"no answer within {timeout_s:g} s")
    except Exception as error:
        # The boundary of a part: however it fails, that is what its health is.
        logger.warning("the health of %s could not be asked", name, exc_info=error)
        return Health(is_ok=False, detail=f"could not be asked ({type(error).__name__})")


def _shown(parts: Mapping[str, Health]) -> dict[str, Part]:
    return {
        name: Part(
            status="ok" if part.is_ok else "down",
            detail=part.detail,
            data=msgspec.to_builtins(part.data),
        )
        for name, part in parts.items()
    }
