"""
A notification on its way in.
"""

import re

import msgspec

from avance.errors import InvalidRequest, TooLarge
from avance.model.inbox import Action, Priority
from avance.notify.limits import NotifyLimits

# `#` and `,` would make the channel `inbox:#<user>` that of several users.
_USER = re.compile(r"[^\x00-\x20,#\x7f][^\x00-\x1f,#\x7f]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_URL = re.compile(r"(https?://|/(?!/))[^\s\x00-\x1f]*")


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """
    Gather what comes within a time into one message for each external channel.
    """

    window_s: float
    key: str | None = None
    """By default the kind."""


class Escalate(msgspec.Struct, frozen=True, kw_only=True):
    """
    Use another channel when it was not seen by then.
    """

    after_s: float
    channel: str = "email"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a sender gives.
    """

    user: str
    title: str
    body: str = ""
    kind: str = "info"
    priority: Priority | None = None
    """By default that of the kind."""
    data: dict[str, object] = {}
    url: str | None = None
    actions: tuple[Action, ...] = ()
    group: str | None = None
    dedupe: str | None = None
    """While one with this key waits unread in the inbox, nothing is added."""
    idempotency: tuple[str, str] | None = None
    """Who sends, and the key: for 24 h the same call answers the same notification."""
    job_id: str | None = None
    tenant: str | None = None
    channels: tuple[str, ...] | None = None
    """By default those of the kind. The inbox always has it; without `in_app` it is not pushed."""
    digest: Digest | None = None
    escalate: Escalate | None = None
    expires_s: float | None = None
    """It leaves the inbox after so long."""


def checked_user(user: str, limits: NotifyLimits) -> str:
    """
    Raises:
        InvalidRequest: No inbox can have that name.
    """
    if len(user) > limits.user_length_max or not _USER.fullmatch(user):
        raise InvalidRequest(
            f"{user[:40]!r} is no name of a user; use 1 to {limits.user_length_max} characters without `,`, `#` and control characters",
            code="invalid_user",
        )
    return user


def checked(draft: Draft, limits: NotifyLimits) -> Draft:
    """
    Raises:
        InvalidRequest: A part is too long or malformed; the message names it.
        TooLarge: The data are.
    """
    checked_user(draft.user, limits)
    _check_name("kind", draft.kind)
    for channel in draft.channels or ():
        _check_name("channel", channel)
    _check_length("title", draft.title, limits.title_length_max, least=1)
    _check_length("body", draft.body, limits.body_length_max)
    idempotency_key = draft.idempotency[1] if draft.idempotency else None
    for field, key in (
        ("dedupe", draft.dedupe),
        ("group", draft.group),
        ("idempotency key", idempotency_key),
    ):
        if key is not None:
            _check_length(field, key, limits.key_length_max, least=1)
    _check_links(draft, limits)
    _check_times(draft)
    size = len(msgspec.json.encode(draft.data))
    if size > limits.data_bytes_max:
        raise TooLarge(
            f"the data of a notification have {size} bytes, the limit is {limits.data_bytes_max}; send a reference",
            code="data_too_large",
            bytes_max=limits.data_bytes_max,
        )
    return draft


def _check_links(draft: Draft, limits: NotifyLimits) -> None:
    if len(draft.actions) > limits.actions_max:
        raise _invalid(f"{len(draft.actions)} actions; at most {limits.actions_max} have room")
    for url in (draft.url, *(action.url for action in draft.actions)):
        # A page shows it as a link: `javascript:` and the like must never come this far.
        if url is not None and (len(url) > limits.url_length_max or not _URL.fullmatch(url)):
            raise _invalid(f"the url {url[:80]!r} is none; use https://…, http://… or a path /…")
    for action in draft.actions:
        _check_length("label of an action", action.label, limits.title_length_max, least=1)


def _check_times(draft: Draft) -> None:
    spans = (
        ("expires_s", draft.expires_s),
        ("digest.window_s", None if draft.digest is None else draft.digest.window_s),
        ("escalate.after_s", None if draft.escalate is None else draft.escalate.after_s),
    )
    for field, seconds in spans:
        if seconds is not None and not 0 < seconds <= 366 * 86_400:
            raise _invalid(f"{field} is {seconds}; use seconds from above 0 up to a year")


def _check_name(field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _invalid(f"the {field} {name[:80]!r} is no name; use letters, digits and _ . : -")


def _check_length(field: str, text: str, most: int, *, least: int = 0) -> None:
    if not least <= len(text) <= most or "\x00" in text:
        raise _invalid(
            f"the {field} has {len(text)} characters; use {least} to {most}, none of them NUL"
        )


def _invalid(why: str) -> InvalidRequest:
    return InvalidRequest(why, code="invalid_notification")
