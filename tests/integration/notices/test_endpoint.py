"""
The endpoint on real sockets: the eight named tests of docs/contract/notices.md 002-40 (002-T20: nothing of the socket is mocked).
"""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import anyio
import pytest
from anyio.abc import TaskStatus

from .conftest import Build, Built, Site

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]


@pytest.fixture
def hasty(build: Build) -> Built:
    return build(retail__auth_timeout_s=0.2)


@pytest.fixture
def unhurried(build: Build) -> Built:
    """
    Its answers wait for a socket however long this machine stands still.
    """
    return build(retail__socket_wait_s=30.0)


async def test_websocket_connect(open_mode: Built, serving: Serving) -> None:
    """
    002-40, 002-01, 002-03, 002-08, 002-12, 002-14: the user of the query gets a greeting, then the unread count.
    """
    async with serving(open_mode) as site, site.tab("?user_id=1") as tab:
        assert await tab.next() == {
            "type": "auth_success",
            "user_id": 1,
            "message": "Authenticated",
        }
        count = await tab.next()
        assert count == {"type": "unread_count", "count": 0, "version": count["version"]}


async def test_websocket_auth_required(token_mode: Built, serving: Serving) -> None:
    """
    002-40, 002-02, 002-36, 002-T3, 002-T7: who brings nothing may send `auth` and nothing else; a wrong key ends in 1008, and the
    development key is one in token mode.
    """
    async with serving(token_mode) as site:
        for query, headers in (
            ("?api_key=wrong", None),
            ("?api_key=dev", None),
            ("?token=wrong", None),
        ):
            async with site.tab(query, headers=headers) as tab:
                frames, code = await tab.closed()
                assert [frame["type"] for frame in frames] == ["auth_failed"]
                assert code == 1008
        for first in ('{"type":"pong"}', '{"type":"auth","api_key":"dev"}', '{"type":"auth"}', "?"):
            async with site.tab() as tab:
                await tab.connection.send(first)
                frames, code = await tab.closed()
                assert [frame["type"] for frame in frames] == ["auth_failed"]
                assert code == 1008


async def test_websocket_send_notification(unhurried: Built, serving: Serving) -> None:
    """
    002-40, 002-11, 002-12, 002-18, 002-T1, 002-T4: the example of the contract, flat, with its time in milliseconds; stored first, and the
    same id everywhere.
    """
    async with serving(unhurried) as site, site.tab_of("1") as tab:
        assert await tab.greeted() == 0
        answer = await site.notify()
        number = answer["notification_id"]
        assert answer == {
            "success": True,
            "notification_id": number,
            "channels_sent": ["in_app", "websocket"],
            "errors": [],
        }
        frame = await tab.next()
        assert frame == {
            "type": "notification",
            "notification_id": number,
            "notification_type": "stock_alert",
            "priority": "high",
            "subject": "Stock bajo",
            "message": "Producto A stock es bajo",
            "timestamp": frame["timestamp"],
        }
        assert len(frame["timestamp"]) == len("2025-10-23T12:00:00.000Z")
        assert frame["timestamp"].endswith("Z")
        count = await tab.next()
        assert (count["type"], count["count"]) == ("unread_count", 1)
        listed = await site.call("GET", "/api/notifications")
        assert [one["notification_id"] for one in listed["notifications"]] == [number]
        assert listed["notifications"][0]["created_at"] == frame["timestamp"]


async def test_websocket_mark_read(token_mode: Built, serving: Serving) -> None:
    """
    002-40, 002-09, 002-20: `notification_read`, then the new count, to all sockets of the user; a repetition changes nothing.
    """
    async with serving(token_mode) as site, site.tab_of("1") as one, site.tab_of("1") as other:
        assert (await one.greeted(), await other.greeted()) == (0, 0)
        number = (await site.notify())["notification_id"]
        for tab in (one, other):
            await tab.until("unread_count", count=1)
        await one.send(type="mark_read", notification_id=number)
        for tab in (one, other):
            assert await tab.next() == {"type": "notification_read", "notification_id": number}
            assert (await tab.next())["count"] == 0
        version = (await site.host.inbox("1").counts()).version
        await one.send(type="mark_read", notification_id=number)
        assert (await one.next())["type"] == "notification_read"
        await one.nothing_more()
        await other.nothing_more()
        assert (await site.host.inbox("1").counts()).version == version


async def test_websocket_unread_count(token_mode: Built, serving: Serving) -> None:
    """
    002-40, 002-12, 002-28: every change of the counter is told with a version that only grows, and it can be asked for.
    """
    async with serving(token_mode) as site, site.tab_of("1") as tab:
        assert await tab.greeted() == 0
        numbers = [(await site.notify())["notification_id"] for _ in range(3)]
        told = [await tab.until("unread_count") for _ in numbers]
        await site.call("POST", f"/api/notifications/{numbers[0]}/read")
        told.append(await tab.until("unread_count"))
        await site.call("DELETE", f"/api/notifications/{numbers[1]}")
        told.append(await tab.until("unread_count"))
        await site.call("PUT", f"/api/notifications/{numbers[0]}/mark-as-read?read=false")
        told.append(await tab.until("unread_count"))
        assert [one["count"] for one in told] == [1, 2, 3, 2, 1, 2]
        versions = [one["version"] for one in told]
        assert versions == sorted(set(versions))
        await tab.send(type="get_unread_count")
        assert (await tab.next())["count"] == 2


async def test_websocket_multiple_connections(token_mode: Built, serving: Serving) -> None:
    """
    002-40, 002-04, 002-37: each connection of a user gets everything, those of others nothing.
    """
    async with (
        serving(token_mode) as site,
        site.tab_of("1") as one,
        site.tab_of("1") as same,
        site.tab_of("2") as other,
    ):
        for tab in (one, same, other):
            assert await tab.greeted() == 0
        number = (await site.notify())["notification_id"]
        for tab in (one, same):
            assert (await tab.next())["notification_id"] == number
        await other.nothing_more()


async def test_websocket_reconnect(token_mode: Built, serving: Serving) -> None:
    """
    002-40, 002-27, 002-T16: what was stored meanwhile comes on return, the oldest first; what was confirmed does not come again.
    """
    async with serving(token_mode) as site:
        async with site.tab_of("1") as tab:
            assert await tab.greeted() == 0
        subjects = ["first", "second", "third"]
        for subject in subjects:
            await site.notify(subject=subject)
        async with site.tab_of("1") as tab:
            assert await tab.greeted() == 3
            missed = [await tab.next() for _ in subjects]
            assert [frame["subject"] for frame in missed] == subjects
            await tab.send(type="pong")
            await tab.nothing_more()
        async with site.tab_of("1") as tab:
            assert await tab.greeted() == 3
            await tab.nothing_more()


async def test_websocket_performance(token_mode: Built, serving: Serving) -> None:
    """
    002-40, 002-32: a hundred connections at once, and every one of them gets what is sent. How fast is told by benchmarks/notices.py.
    """
    async with serving(token_mode) as site:
        heard = []

        async def one_tab(*, task_status: TaskStatus[None]) -> None:
            async with site.tab_of("1") as tab:
                await tab.greeted()
                task_status.started()
                heard.append((await tab.until("notification"))["notification_id"])

        async with anyio.create_task_group() as group:
            for _ in range(100):
                await group.start(one_tab)
            number = (await site.notify())["notification_id"]
        assert heard == [number] * 100


class TestWebSocketEndpoint:
    """
    002-42: the same from the point of view of a handshake.
    """

    async def test_websocket_connect_requires_auth(self, hasty: Built, serving: Serving) -> None:
        """
        002-42, 002-T3: without credentials in time the socket ends with auth_failed and 1008.
        """
        async with serving(hasty) as site, site.tab() as tab:
            frames, code = await tab.closed()
        assert [frame["type"] for frame in frames] == ["auth_failed"]
        assert code == 1008

    async def test_websocket_connect_success(
        self, token_mode: Built, open_mode: Built, serving: Serving
    ) -> None:
        """
        002-42, 002-02, 002-07, 002-T3: header, query and first message are three ways to the same greeting.
        """
        async with serving(token_mode) as site:
            token = site.host.token("1", ttl_s=60)
            ways = [
                ("?user_id=1", {"X-API-Key": "key-1"}),
                ("", {"Authorization": f"Bearer {token}"}),
                ("?api_key=key-1&user_id=1", None),
                (f"?token={token}", None),
            ]
            for query, headers in ways:
                async with site.tab(query, headers=headers) as tab:
                    assert (await tab.next())["user_id"] == 1
                    assert (await tab.next())["type"] == "unread_count"
            for frame in ({"api_key": "key-1", "user_id": 1}, {"token": token}):
                async with site.tab() as tab:
                    await tab.send(type="auth", **frame)
                    assert await tab.greeted() == 0
        async with serving(open_mode) as site, site.tab() as tab:
            assert (await tab.next())["user_id"] == "dev"
            assert (await tab.next())["type"] == "unread_count"
            await tab.connection.send('{"type": "auth", "user_id": 1, "api_key": "dev"}')
            assert (await tab.next())["user_id"] == 1

    async def test_websocket_send_notification(self, open_mode: Built, serving: Serving) -> None:
        """
        002-42: in open mode the call of the contract runs as it is written, in the query or in the body.
        """
        query = "user_id=1&notification_type=system_alert&subject=Hi&message=There&channels=in_app"
        async with serving(open_mode) as site, site.tab("?user_id=1") as tab:
            await tab.greeted()
            answer = await site.client.post(f"/api/notifications/send?{query}")
            assert answer.status_code == 200, answer.text
            frame = await tab.until("notification")
            assert (frame["priority"], frame["subject"]) == ("medium", "Hi")
            assert frame["notification_id"] == answer.json()["notification_id"]

    async def test_websocket_mark_read(self, open_mode: Built, serving: Serving) -> None:
        """
        002-42, 002-09: the example frame, with an id that is there and with one that is not.
        """
        async with serving(open_mode) as site, site.tab("?user_id=1") as tab:
            await tab.greeted()
            number = (await site.notify())["notification_id"]
            await tab.until("unread_count", count=1)
            await tab.connection.send(json.dumps({"type": "mark_read", "notification_id": number}))
            await tab.until("unread_count", count=0)
            await tab.connection.send('{"type": "mark_read", "notification_id": 12345}')
            assert (await tab.next())["code"] == "not_found"
