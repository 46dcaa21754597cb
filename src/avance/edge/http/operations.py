"""
Who is asking, what this server serves besides jobs, and what its operator watches: numbers, workers, connections.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.edge.http.answer import json_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.body import read_json
from avance.edge.http.openapi import described
from avance.edge.http.operation_shapes import (
    AppList,
    AppView,
    ConnectionList,
    KickRequest,
    Me,
    PauseRequest,
    StatsAnswer,
    WorkerList,
)
from avance.edge.http.services import HttpServices, Operations
from avance.errors import Unavailable

CONNECTIONS_SHOWN_MAX = 500


class OperationRoutes:
    def __init__(self, services: HttpServices) -> None:
        self._services = services

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["operations"])
        described(router, "GET", "/me", self.me, answer=Me)
        described(router, "GET", "/apps", self.apps, answer=AppList)
        described(router, "GET", "/stats", self.stats, answer=StatsAnswer)
        described(router, "GET", "/workers", self.workers, answer=WorkerList)
        described(
            router, "POST", "/workers/pause", self.pause, body=PauseRequest, answer=WorkerList
        )
        described(router, "GET", "/connections", self.connections, answer=ConnectionList)
        described(router, "POST", "/connections/kick", self.kick, body=KickRequest, status=204)
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

    async def stats(self, request: Request) -> Response:
        """
        Count the jobs of the caller; for an admin those of all.
        """
        who = caller(request)
        who.require_whole()
        owner = None if who.is_admin else who.user
        return json_answer(await self._operations().stats(owner, who.identity.tenant))

    async def workers(self, request: Request) -> Response:
        """
        Tell who takes jobs and how busy each is; for admins.
        """
        caller(request).require_admin()
        return await self._workers()

    async def pause(self, request: Request) -> Response:
        """
        Let a worker of this server take no new jobs, or take them again; for admins.
        """
        caller(request).require_admin()
        asked = await read_json(request, PauseRequest)
        self._operations().pause(asked.worker, is_paused=asked.is_paused)
        return await self._workers()

    async def connections(self, request: Request) -> Response:
        """
        Tell who is connected to this server; for admins.
        """
        caller(request).require_admin()
        return json_answer(self._operations().connections(CONNECTIONS_SHOWN_MAX))

    async def kick(self, request: Request) -> Response:
        """
        Close a connection, on whichever server it is; for admins.
        """
        caller(request).require_admin()
        self._operations().kick((await read_json(request, KickRequest)).client)
        return Response(status_code=204)

    async def _workers(self) -> Response:
        return json_answer(WorkerList(workers=tuple(await self._operations().workers())))

    def _operations(self) -> Operations:
        operations = self._services.operations
        if operations is None:
            raise Unavailable("this server tells nothing about itself", code="not_open")
        return operations
