"""
`inbox:#<user>` on the Centrifugo protocol and `/v1/inbox`: the same rows, the same counts.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import anyio
from websockets.asyncio.client import connect

from .conftest import Built, Site

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]


class Wire:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._waiting: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        with anyio.fail_after(10):
            while not self._waiting:
                lines = str(await self._connection.recv()).splitlines()
                self._waiting += [json.loads(line) for line in lines]
        return self._waiting.pop(0)

    async def call(self, number: int, **command: Any) -> dict[str, Any]:
        await self._connection.send(json.dumps({"id": number, **command}))
        while True:
            answer = await self.next()
            if answer.get("id") == number:
                return answer

    async def event(self) -> dict[str, Any]:
        while True:
            answer = await self.next()
            if "push" in answer and "pub" in answer["push"]:
                data: dict[str, Any] = answer["push"]["pub"]["data"]
                return data


@asynccontextmanager
async def wire(site: Site, user: str) -> AsyncIterator[Wire]:
    async with connect(f"ws://127.0.0.1:{site.port}/connection/websocket") as connection:
        made = Wire(connection)
        await made.call(1, connect={"token": site.host.token(user)})
        yield made


async def test_the_first_reply_is_the_inbox_and_then_every_change_comes(
    token_mode: Built, serving: Serving
) -> None:
    """
    Decision 9: the snapshot has the counts and the newest 20; `notification` and `changed` carry versioned counts.
    """
    async with serving(token_mode) as site:
        for number in range(25):
            await site.host.notify("1", str(number))
        async with wire(site, "1") as line:
            said = (await line.call(2, subscribe={"channel": "inbox:#1"}))["subscribe"]
            (first,) = [one["data"] for one in said["publications"]]
            assert (first["type"], first["v"], first["seq"]) == ("snapshot", 1, 25)
            assert [one["title"] for one in first["notifications"]] == [
                str(number) for number in range(24, 4, -1)
            ]
            assert first["counts"] == {
                "unread": 25,
                "unseen": 25,
                "by_priority": {"low": 0, "normal": 25, "high": 0, "critical": 0},
                "version": 25,
            }
            sent = await site.host.notify("1", "new", priority="high", group="g")
            assert sent.notice is not None
            event = await line.event()
            assert (event["type"], event["notification"]["title"]) == ("notification", "new")
            assert event["counts"]["by_priority"]["high"] == 1
            headers = {"X-API-Key": "key-1"}
            body = {"ids": [sent.notice.id]}
            said = await site.client.post("/v1/inbox/seen", json=body, headers=headers)
            event = await line.event()
            assert (event["type"], event["op"], event["ids"]) == ("changed", "seen", body["ids"])
            assert event["counts"] == said.json()["counts"]
            assert (event["counts"]["unread"], event["counts"]["unseen"]) == (26, 25)


async def test_nobody_subscribes_to_the_inbox_of_another(
    token_mode: Built, serving: Serving
) -> None:
    """settled: and clients may not publish there."""
    async with serving(token_mode) as site, wire(site, "1") as line:
        said = await line.call(2, subscribe={"channel": "inbox:#2"})
        assert said["error"]["code"] == 103
        said = await line.call(3, publish={"channel": "inbox:#1", "data": {}})
        assert said["error"]["code"] == 103


async def test_the_routes_of_the_inbox(token_mode: Built, serving: Serving) -> None:
    async with serving(token_mode) as site:
        body = {
            "user": "1",
            "title": "Hello",
            "body": "There",
            "url": "/jobs/1",
            "actions": [{"label": "Open", "url": "/jobs/1"}],
            "priority": "critical",
        }
        said = await site.call("POST", "/v1/inbox", key="key-mail", json=body)
        number = said["notification"]["id"]
        assert said["is_new"] is True
        assert (await site.call("GET", f"/v1/inbox/{number}")) == said["notification"]
        page = await site.call("GET", "/v1/inbox?status=unread&priority=critical&limit=1")
        assert (page["total"], page["cursor"]) == (1, number)
        assert (await site.call("GET", f"/v1/inbox?before={number}"))["notifications"] == []
        refused = await site.client.post(
            "/v1/inbox", json={**body, "user": "2"}, headers={"X-API-Key": "key-1"}
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
        for op, status in (
            ("archive", "archived"),
            ("unarchive", "all"),
            ("read", "read"),
            ("unread", "unread"),
        ):
            done = await site.call("POST", f"/v1/inbox/{op}", json={"ids": [number]})
            assert done["changed"] == 1
            assert (await site.call("GET", f"/v1/inbox?status={status}"))["total"] == 1
        until = {"ids": [number], "until": "2100-01-01T00:00:00Z"}
        await site.call("POST", "/v1/inbox/snooze", json=until)
        assert (await site.call("GET", "/v1/inbox/counts"))["unread"] == 0
        await site.call("POST", "/v1/inbox/wake", json={"ids": [number]})
        done = await site.call("POST", "/v1/inbox/delete", json={"up_to": number})
        assert (done["changed"], done["counts"]["unread"]) == (1, 0)
        wrong = await site.client.post("/v1/inbox/explode", json={}, headers={"X-API-Key": "key-1"})
        assert wrong.status_code == 404


async def test_preferences_are_one_row_for_both_interfaces(
    token_mode: Built, serving: Serving
) -> None:
    """002-T4: one store."""
    async with serving(token_mode) as site:
        present = await site.call("GET", "/v1/inbox/preferences")
        present["kinds"] = {"stock_alert": {"email": False}}
        present["muted"] = ["sales"]
        await site.call("PUT", "/v1/inbox/preferences", json=present)
        shown = await site.call("GET", "/api/notification-preferences")
        assert shown["types"] == ["inventory", "alerts", "system"]
        await site.call("PUT", "/api/notification-preferences", json={"frequency": "digest_daily"})
        after = await site.call("GET", "/v1/inbox/preferences")
        assert (after["frequency"], after["kinds"]) == ("daily", present["kinds"])
        for wrong in ({"frequency": "hourly"}, {"unknown": 1}, {"time_zone": "Mars/Olympus"}):
            said = await site.client.put(
                "/v1/inbox/preferences", json=wrong, headers={"X-API-Key": "key-1"}
            )
            assert said.status_code == 422
