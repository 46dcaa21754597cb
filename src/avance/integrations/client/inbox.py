"""
The notifications of whoever the client is.
"""

from typing import Any

import msgspec

from avance.integrations.client.api import Api
from avance.model.inbox import Counts, Notice


class NoticePage(msgspec.Struct, frozen=True, kw_only=True):
    """
    Some notifications, the newest first; `cursor` is the `before` of the next page.
    """

    notifications: tuple[Notice, ...]
    counts: Counts
    total: int
    cursor: int | None = None


class _Changed(msgspec.Struct, frozen=True, kw_only=True):
    changed: int
    counts: Counts


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    notification: Notice | None = None


class AsyncInbox:
    """
    `client.inbox`.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, **wanted: Any) -> NoticePage:
        """
        Read a page: `status`, `kind`, `priority`, `group`, `before`, `limit`.
        """
        body = await self._api.call("GET", "/v1/inbox", query=wanted)
        return msgspec.json.decode(body, type=NoticePage)

    async def counts(self) -> Counts:
        """
        How many are unread and unseen.
        """
        return msgspec.json.decode(await self._api.call("GET", "/v1/inbox/counts"), type=Counts)

    async def change(
        self, operation: str, *ids: int, up_to: int | None = None, **more: Any
    ) -> Counts:
        """
        `seen`, `read`, `unread`, `archive`, `unarchive`, `snooze` (with `until`), `wake` or `delete` some, or all up to one.
        """
        body = {"ids": ids, **more} if up_to is None else {"up_to": up_to, **more}
        answer = await self._api.call("POST", f"/v1/inbox/{operation}", body=body)
        return msgspec.json.decode(answer, type=_Changed).counts

    async def send(self, user: str, title: str, **more: Any) -> Notice | None:
        """
        Notify a user; None where that user keeps nothing of this kind.
        """
        body = {"user": user, "title": title, **more}
        answer = await self._api.call("POST", "/v1/inbox", body=body)
        return msgspec.json.decode(answer, type=_Sent).notification
