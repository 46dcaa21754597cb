"""
`/v1/me` and `/v1/apps`: who is asking, and what this server serves besides jobs.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.edge.http.answer import json_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.openapi import described
from avance.edge.http.operation_shapes import AppList, AppView, Me
from avance.edge.http.services import HttpServices


class OperationRoutes:
    def __init__(self, services: HttpServices) -> None:
        self._services = services

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["operations"])
        described(router, "GET", "/me", self.me, answer=Me)
        described(router, "GET", "/apps", self.apps, answer=AppList)
        return router

    async def me(self, request: Request) -> Response:
        """
        Tell who the caller is, and whether anybody needs to say so.
        """
        who = caller(request)
        who.require_whole()
        identity = who.identity
        is_open = self._services.auth.is_open
        return json_answer(
            Me(user=who.user, role=identity.role, tenant=identity.tenant, is_open=is_open)
        )

    async def apps(self, request: Request) -> Response:
        """
        Tell which apps are served, so that a page offers only what is there.
        """
        caller(request).require_whole()
        served = sorted(self._services.apps.items())
        return json_answer(
            AppList(apps=tuple(AppView(name=name, version=version) for name, version in served))
        )
