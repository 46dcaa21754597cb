"""
`/api/notifications`.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance import Inbox
from avance.apps.retail import app
from avance.apps.retail import shapes as s
from avance.apps.retail.asking import (
    BadRequest,
    flag,
    notice_id,
    number,
    object_of,
    sender,
    whose,
)
from avance.apps.retail.kinds import CHANNELS, PRIORITIES, known_kinds
from avance.apps.retail.preferences import merged, read_fields, shown
from avance.apps.retail.sending import send_and_tell
from avance.errors import InvalidRequest, NotFound
from avance.web import described, json_answer

PAGE_MAX = 100
PAGES_MAX = 1_000_000

router = APIRouter(prefix="/api", tags=["notifications"])


async def send(request: Request) -> Response:
    """
    Store a notification, push it to who is connected, and send it out; the answer tells which channels have it.
    """
    who = sender(request)
    body = _read_send(await object_of(request))
    channels = body.channels.split(",") if isinstance(body.channels, str) else body.channels
    wanted = tuple(dict.fromkeys(one.strip() for one in channels if one.strip()))
    _check_words(body, wanted)
    key = request.headers.get("idempotency-key")
    answer = await send_and_tell(
        app.host,
        str(body.user_id),
        subject=body.subject,
        message=body.message,
        kind=body.notification_type,
        priority=PRIORITIES[body.priority],
        data=body.data or {},
        channels=wanted,
        idempotency=None if key is None else (who.user, key),
    )
    return json_answer(answer)


async def listed(request: Request) -> Response:
    """
    List the caller's notifications, the newest first. New ones come over the socket `/ws/notifications`, which `/asyncapi.json` describes.
    """
    inbox = _inbox(request)
    query = request.query_params
    is_paged = "page" in query or "per_page" in query
    per_page = number(query, "per_page", 20, least=1, most=PAGE_MAX)
    page = number(query, "page", 1, least=1, most=PAGES_MAX)
    limit = per_page if is_paged else number(query, "limit", 20, least=1, most=PAGE_MAX)
    offset = (page - 1) * per_page if is_paged else number(query, "offset", 0, least=0, most=10**9)
    found = await inbox.list(status=_status(query), limit=limit, offset=offset)
    items = tuple(s.item_of(inbox.user, notice) for notice in found.notices)
    return json_answer(
        s.Listed(
            notifications=items,
            unread_count=found.counts.unread,
            total=found.total,
            total_returned=len(items),
            limit=limit,
            offset=offset,
            pagination=s.Pagination(
                current_page=offset // limit + 1,
                total_pages=math.ceil(found.total / limit),
                total_items=found.total,
                per_page=limit,
            ),
        )
    )


async def one(request: Request) -> Response:
    """
    Read one.
    """
    inbox = _inbox(request)
    return json_answer(s.item_of(inbox.user, await inbox.get(notice_id(request))))


async def read(request: Request) -> Response:
    """
    Mark one as read.
    """
    inbox, number_ = _inbox(request), notice_id(request)
    await _mark(inbox, number_, is_read=True)
    return json_answer(s.Marked(success=True, notification_id=number_))


async def mark_as_read(request: Request) -> Response:
    """
    Mark one as read or unread.
    """
    inbox, number_ = _inbox(request), notice_id(request)
    is_read = flag(request.query_params, "read", default=True)
    await _mark(inbox, number_, is_read=is_read)
    word = "read" if is_read else "unread"
    return json_answer(
        s.Changed(success=True, message=f"Marked as {word}", notification_id=number_)
    )


async def read_all(request: Request) -> Response:
    """
    Mark all as read, up to the newest that the client has seen.
    """
    inbox = _inbox(request)
    asked = await object_of(request)
    query = {name: str(value) for name, value in asked.items() if value is not None}
    query = {**query, **request.query_params}
    up_to = number(query, "up_to", 0, least=0, most=10**12 - 1) or None
    outcome = await inbox.mark_all_read(up_to=up_to)
    return json_answer(s.AllRead(success=True, updated_count=outcome.changed))


async def delete(request: Request) -> Response:
    """
    Delete one.
    """
    inbox, number_ = _inbox(request), notice_id(request)
    outcome = await inbox.delete(number_)
    if not outcome.changed:
        raise NotFound(f"there is no notification {number_}", code="notification_not_found")
    return json_answer(s.Changed(success=True, message="Deleted", notification_id=number_))


async def delete_all(request: Request) -> Response:
    """
    Delete all that are there now.
    """
    outcome = await _inbox(request).delete_all()
    return json_answer(
        s.AllDeleted(success=True, message="All deleted", deleted_count=outcome.changed)
    )


async def preferences(request: Request) -> Response:
    """
    What a user wants to be told.
    """
    return _plain(shown(app.host, await app.host.preferences(_named(request)).get()))


async def set_preferences(request: Request) -> Response:
    """
    Change some of it; an unknown key changes nothing.
    """
    of = app.host.preferences(_named(request))
    fields = await object_of(request)
    if not await request.body():
        fields.pop("user_id", None)
    changed = merged(app.host, await of.get(), read_fields(fields))
    try:
        return _plain(shown(app.host, await of.set(changed)))
    except InvalidRequest as error:
        raise BadRequest(error.message, code="invalid_preferences") from error


def _named(request: Request) -> str:
    return whose(request, request.path_params.get("user_id"))


def _inbox(request: Request) -> Inbox:
    return app.host.inbox(whose(request))


async def _mark(inbox: Inbox, number_: int, *, is_read: bool) -> None:
    outcome = await (inbox.mark_read(number_) if is_read else inbox.mark_unread(number_))
    if not outcome.changed:
        await inbox.get(number_)


def _status(query: Mapping[str, str]) -> str:
    if flag(query, "unread_only", default=False):
        return "unread"
    status = query.get("status", "all")
    if status not in ("all", "read", "unread"):
        raise BadRequest(
            f"status is {status[:40]!r}; use all, read or unread",
            code="invalid_query",
            parameter="status",
        )
    return status


def _read_send(fields: Mapping[str, object]) -> s.SendBody:
    try:
        data = fields.get("data")
        if isinstance(data, str):
            fields = {**fields, "data": msgspec.json.decode(data)}
        return msgspec.convert(fields, s.SendBody)
    except msgspec.DecodeError as error:
        raise BadRequest(
            f"the notification does not fit: {error}", code="invalid_request"
        ) from error


def _check_words(body: s.SendBody, channels: Sequence[str]) -> None:
    kinds = known_kinds(app.host)
    for what, value, known in (
        ("notification_type", body.notification_type, kinds),
        ("priority", body.priority, PRIORITIES),
        *(("channel", channel, CHANNELS) for channel in channels),
    ):
        if value not in known:
            raise BadRequest(
                f"{what} is {value[:40]!r}; use {', '.join(known)}",
                code="unknown_word",
                field=what,
            )
    if not channels:
        raise BadRequest(
            f"channels is empty; use {', '.join(CHANNELS)}", code="unknown_word", field="channel"
        )


def _plain(document: Mapping[str, object]) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")


ONE = "/notifications/{id}"
OF_USER = "/notifications/preferences/{user_id}"
described(router, "POST", "/notifications/send", send)
described(router, "GET", "/notifications", listed)
described(router, "POST", "/notifications/read-all", read_all)
described(router, "DELETE", "/notifications", delete_all)
described(router, "GET", OF_USER, preferences, name="preferences_of")
described(router, "POST", OF_USER, set_preferences, name="set_preferences_of")
described(router, "GET", ONE, one)
described(router, "POST", f"{ONE}/read", read)
described(router, "PUT", f"{ONE}/mark-as-read", mark_as_read)
described(router, "DELETE", ONE, delete)
described(router, "GET", "/notification-preferences", preferences)
described(router, "PUT", "/notification-preferences", set_preferences)
