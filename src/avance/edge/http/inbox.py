"""
`/v1/inbox`: the caller's notifications.
"""

from typing import Protocol

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.edge.http.access import Caller
from avance.edge.http.answer import json_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.body import read_json, read_query
from avance.edge.http.inbox_shapes import (
    Deliveries,
    InboxPage,
    InboxQuery,
    OperationAnswer,
    OperationRequest,
    PushKey,
    SendAnswer,
    SendRequest,
)
from avance.edge.http.jobs import count_start
from avance.edge.http.limits import HttpLimits
from avance.edge.http.moment import read_moment
from avance.edge.http.openapi import described
from avance.errors import NotFound, PermissionDenied, Unavailable
from avance.model.inbox import Counts, Notice
from avance.notify.draft import Draft
from avance.notify.operations import Op, Selection
from avance.notify.preferences import Preferences, decode_preferences
from avance.notify.push_subscriptions import PushAddress, PushSubscription
from avance.notify.service import Inboxes, Wanted, not_found


class Pushes(Protocol):
    """
    The channel of web push.
    """

    @property
    def public_key(self) -> str: ...

    async def subscribe(self, user: str, subscription: PushSubscription) -> None: ...

    async def unsubscribe(self, user: str, endpoint: str) -> None: ...


class InboxRoutes:
    """
    List, read, change, send; preferences; browsers for push.
    """

    def __init__(self, inboxes: Inboxes, push: Pushes | None, limits: HttpLimits) -> None:
        self._inboxes = inboxes
        self._push = push
        self._limits = limits

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1/inbox", tags=["inbox"])
        described(router, "GET", "", self.list, query=InboxQuery, answer=InboxPage)
        described(router, "POST", "", self.send, body=SendRequest, answer=SendAnswer)
        described(router, "GET", "/counts", self.counts, answer=Counts)
        described(router, "GET", "/preferences", self.preferences, answer=Preferences)
        described(
            router,
            "PUT",
            "/preferences",
            self.set_preferences,
            body=Preferences,
            answer=Preferences,
        )
        described(router, "GET", "/push", self.push_key, answer=PushKey)
        described(router, "POST", "/push", self.subscribe, body=PushSubscription, status=204)
        described(router, "DELETE", "/push", self.unsubscribe, body=PushAddress, status=204)
        described(router, "GET", "/{id}", self.get, answer=Notice)
        described(router, "GET", "/{id}/deliveries", self.deliveries, answer=Deliveries)
        described(
            router, "POST", "/{op}", self.operate, body=OperationRequest, answer=OperationAnswer
        )
        return router

    async def list(self, request: Request) -> Response:
        """
        List notifications, the newest first.
        """
        who = _whole(request)
        asked = read_query(request, InboxQuery, self._limits)
        wanted = Wanted(
            status=asked.status,
            kind=asked.kind,
            priority=asked.priority,
            group=asked.group,
            before=asked.before,
            limit=asked.limit,
        )
        page = await self._inboxes.page(who.user, wanted)
        is_full = len(page.notices) == wanted.limit
        return json_answer(
            InboxPage(
                notifications=page.notices,
                total=page.total,
                counts=page.counts,
                cursor=page.notices[-1].id if is_full else None,
            )
        )

    async def counts(self, request: Request) -> Response:
        """
        Tell what waits.
        """
        return json_answer(await self._inboxes.counts(_whole(request).user))

    async def send(self, request: Request) -> Response:
        """
        Send a notification; with `Idempotency-Key` the same call again within 24 h answers the same.
        """
        who = _whole(request)
        # Mail and messages cost somebody else's patience or money.
        count_start(request)
        asked = await read_json(request, SendRequest)
        if asked.user != who.user and not who.is_trusted:
            raise PermissionDenied(
                "sending to others needs the role sender", code="role_missing", role="sender"
            )
        key = request.headers.get("idempotency-key")
        sent = await self._inboxes.send(
            Draft(
                **{name: getattr(asked, name) for name in asked.__struct_fields__},
                tenant=who.identity.tenant,
                idempotency=None if key is None else (who.user, key),
            )
        )
        return json_answer(SendAnswer(notification=sent.notice, is_new=sent.is_new))

    async def get(self, request: Request) -> Response:
        """
        Read one.
        """
        return json_answer(await self._inboxes.get(_whole(request).user, _id(request)))

    async def deliveries(self, request: Request) -> Response:
        """
        Tell how one fares on each channel.
        """
        notice_id = _id(request)
        await self._inboxes.get(_whole(request).user, notice_id)
        found = await self._inboxes.deliveries(notice_id)
        return json_answer(Deliveries(deliveries=tuple(found)))

    async def operate(self, request: Request) -> Response:
        """
        Change some or all: seen, read, unread, archive, unarchive, snooze, wake, delete.
        """
        who = _whole(request)
        name = request.path_params["op"]
        if name not in tuple(Op):
            raise NotFound(
                f"there is no operation {name!r}; there are {', '.join(Op)}", code="not_found"
            )
        asked = await read_json(request, OperationRequest)
        chosen = Selection(ids=asked.ids, up_to=asked.up_to, kind=asked.kind, group=asked.group)
        until_ms = None if asked.until is None else read_moment(asked.until, "until")
        outcome = await self._inboxes.operate(who.user, Op(name), chosen, until_ms=until_ms)
        return json_answer(OperationAnswer(changed=outcome.changed, counts=outcome.counts))

    async def preferences(self, request: Request) -> Response:
        """
        Read what the caller wants to be told.
        """
        return json_answer(await self._inboxes.preferences(_whole(request).user))

    async def set_preferences(self, request: Request) -> Response:
        """
        Replace all preferences of the caller.
        """
        who = _whole(request)
        await read_json(request, Preferences)
        wanted = decode_preferences(await request.body() or b"{}")
        return json_answer(await self._inboxes.set_preferences(who.user, wanted))

    async def push_key(self, request: Request) -> Response:
        """
        Tell the key that a browser needs to register for push.
        """
        _whole(request)
        return json_answer(PushKey(public_key=self._pushes().public_key))

    async def subscribe(self, request: Request) -> Response:
        """
        Register a browser for push.
        """
        who = _whole(request)
        await self._pushes().subscribe(who.user, await read_json(request, PushSubscription))
        return Response(status_code=204)

    async def unsubscribe(self, request: Request) -> Response:
        """
        Take a browser of the caller's away from push, as when somebody signs off there.
        """
        who = _whole(request)
        address = await read_json(request, PushAddress)
        await self._pushes().unsubscribe(who.user, address.endpoint)
        return Response(status_code=204)

    def _pushes(self) -> Pushes:
        if self._push is None:
            raise Unavailable(
                "web push is not set up; the operator sets notify.vapid_private_key",
                code="push_not_configured",
            )
        return self._push


def _whole(request: Request) -> Caller:
    who = caller(request)
    who.require_whole()
    return who


def _id(request: Request) -> int:
    text = request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise not_found(text)
    return int(text)
