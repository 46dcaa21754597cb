"""
What Centrifugo asks: whether a user may subscribe, and with which snapshot it begins.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.edge.http.answer import json_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.body import read_json
from avance.edge.http.openapi import described
from avance.edge.session.access import Access
from avance.hub.namespaces import Namespaces
from avance.hub.subscription import SnapshotProvider
from avance.ports.auth import Identity

PERMISSION_DENIED = 103


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    The fields of Centrifugo's subscribe proxy that matter here.
    """

    channel: str
    user: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    code: int
    message: str


class Granted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    data: msgspec.Raw | None = None
    """The snapshot, as the client gets it in the data of its subscribe reply."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One of the two.
    """

    result: Granted | None = None
    error: Refusal | None = None


class FrontRoutes:
    """
    For Centrifugo alone, which shows an API key of the role admin in a static header of its proxy.
    """

    def __init__(
        self,
        access: Access,
        namespaces: Namespaces,
        snapshots: Mapping[str, SnapshotProvider],
    ) -> None:
        self._access = access
        self._namespaces = namespaces
        self._snapshots = snapshots

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1/centrifugo", tags=["operations"])
        described(router, "POST", "/subscribe", self.subscribe, body=Asked, answer=Answer)
        return router

    async def subscribe(self, request: Request) -> Response:
        """
        Answer the subscribe proxy of a Centrifugo in front: whether this user may listen, and the snapshot of the channel.
        """
        caller(request).require_admin()
        asked = await read_json(request, Asked)
        namespace = self._namespaces.of(asked.channel)
        who = Identity(user=asked.user)
        if namespace is None or not await self._access.may_subscribe(who, asked.channel, namespace):
            refusal = Refusal(code=PERMISSION_DENIED, message="permission denied")
            return json_answer(Answer(error=refusal))
        return json_answer(Answer(result=await self._grant(namespace.snapshot, asked.channel)))

    async def _grant(self, snapshot: str | None, channel: str) -> Granted:
        provider = self._snapshots.get(snapshot or "")
        found: Any = None if provider is None else await provider(channel)
        return Granted() if found is None else Granted(data=msgspec.Raw(found.data))
