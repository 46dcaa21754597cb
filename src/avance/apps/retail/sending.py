"""
Sending, and waiting just long enough to tell the truth about it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from avance import Avance, DeliveryView, Planned, Priority
from avance.apps.retail.kinds import SOCKET
from avance.apps.retail.rooms import rooms_of
from avance.apps.retail.settings import RetailSettings
from avance.apps.retail.shapes import SendAnswer, SendError

IN_APP = "in_app"
_WHY = {
    "channel_off": "the user switched it off",
    "muted": "the user wants nothing of this kind",
    "priority_filter": "the user wants only higher priorities there",
    "quiet_hours": "held back until the quiet hours end",
    "digest": "held back for the digest",
    "throttled": "too many of this kind lately",
    "not_configured": "it is not set up here",
}


async def send_and_tell(
    host: Avance,
    user: str,
    *,
    subject: str,
    message: str,
    kind: str,
    priority: Priority,
    data: Mapping[str, Any],
    channels: tuple[str, ...],
    idempotency: tuple[str, str] | None = None,
    dedupe: str | None = None,
) -> SendAnswer:
    """
    Store and push, send out what is due, and answer which channels have it by now.
    """
    settings = host.settings.section(RetailSettings)
    sent = await host.notify(
        user,
        subject,
        body=message,
        kind=kind,
        priority=priority,
        data=dict(data),
        channels=channels,
        idempotency=idempotency,
        dedupe=dedupe,
    )
    if sent.notice is None:
        return SendAnswer(success=True, notification_id=None, channels_sent=(), errors=())
    is_going_out = sent.is_new and any(one.due_ms is not None for one in sent.planned)
    if is_going_out:
        await _deliver(host, sent.notice.id, settings.send_wait_s)
    has_socket = await _reached_a_socket(host, user, sent.notice.id, settings.socket_wait_s)
    if sent.is_new and not is_going_out:
        # Nothing has changed since it was stored.
        return _answer(sent.notice.id, sent.planned, has_socket=has_socket)
    deliveries = await host.inbox(user).deliveries(sent.notice.id)
    return _answer(sent.notice.id, deliveries, has_socket=has_socket)


async def _deliver(host: Avance, notice_id: int, wait_s: float) -> None:
    # What takes longer goes on: the deliverer owns it, and the answer tells that it is not there yet.
    sending = host.notifier.begin_delivery(notice_id)
    await asyncio.wait([sending], timeout=wait_s)


async def _reached_a_socket(host: Avance, user: str, notice_id: int, wait_s: float) -> bool:
    rooms = rooms_of(host)
    if rooms.has(user):
        return await rooms.until_told(notice_id, wait_s)
    return host.notifier.is_connected(user)


def _answer(
    notice_id: int, deliveries: Sequence[DeliveryView | Planned], *, has_socket: bool
) -> SendAnswer:
    reached, errors = [], []
    for delivery in deliveries:
        if delivery.channel == IN_APP:
            if delivery.reason != "not_asked":
                reached.append(IN_APP)
            if has_socket and delivery.state != "skipped":
                reached.append(SOCKET)
        elif delivery.state in ("sent", "delivered"):
            reached.append(delivery.channel)
        else:
            why = _last_error(delivery) or _WHY.get(delivery.reason or "", "still under way")
            errors.append(SendError(channel=delivery.channel, error=why))
    return SendAnswer(
        success=True,
        notification_id=notice_id,
        channels_sent=tuple(reached),
        errors=tuple(errors),
    )


def _last_error(delivery: DeliveryView | Planned) -> str | None:
    return delivery.last_error if isinstance(delivery, DeliveryView) else None
