"""
Who is told, on which of their connections: the named tests of docs/contract/notices.md 002-41 and 002-42.
"""

import gc
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeAlias

import anyio

from avance.apps.retail.rooms import rooms_of

from .conftest import Built, Site

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]


async def check_single_user(site: Site) -> None:
    async with site.tab_of("1") as one, site.tab_of("2") as other:
        assert (await one.greeted(), await other.greeted()) == (0, 0)
        sent = await site.host.notify("1", "Stock bajo", kind="stock_alert", priority="high")
        assert sent.notice is not None
        assert (await one.next())["notification_id"] == sent.notice.id
        await other.nothing_more()


async def check_multiple_users(site: Site) -> None:
    async with AsyncExitStack() as stack:
        tabs = {}
        for user in ("1", "2", "root"):
            tabs[user] = await stack.enter_async_context(site.tab_of(user))
            await tabs[user].greeted()
        sent = await site.host.notify_all(["1", "2", "1"], "Closing early", kind="system_alert")
        told = [(await tabs[user].next())["notification_id"] for user in ("1", "2")]
        assert [one.notice.id for one in sent if one.notice] == told
        await tabs["root"].nothing_more()


async def check_disconnected_client(site: Site) -> None:
    async with site.tab_of("1") as gone, site.tab_of("1") as stays:
        assert (await gone.greeted(), await stays.greeted()) == (0, 0)
        gone.connection.transport.abort()
        sent = await site.host.notify("1", "Stock bajo", kind="stock_alert")
        assert sent.notice is not None
        assert (await stays.next())["notification_id"] == sent.notice.id


async def test_broadcast_single_user(token_mode: Built, serving: Serving) -> None:
    """
    002-41, 002-15, 002-37: the connections of one user and nobody else.
    """
    async with serving(token_mode) as site:
        await check_single_user(site)


async def test_broadcast_multiple_users(token_mode: Built, serving: Serving) -> None:
    """
    002-41, 002-15: each of several users once, however often they are named.
    """
    async with serving(token_mode) as site:
        await check_multiple_users(site)


async def test_broadcast_disconnected_client(token_mode: Built, serving: Serving) -> None:
    """
    002-41, 002-06, 002-16: a dead connection delays nobody and is cleaned up.
    """
    async with serving(token_mode) as site:
        await check_disconnected_client(site)

        async def is_clean() -> bool:
            gc.collect()
            return not site.host.notifier.is_connected("1") and len(rooms_of(site.host)) == 0

        assert await site.until(is_clean)


async def test_unread_count_sync(token_mode: Built, serving: Serving) -> None:
    """
    002-41, 002-20: whatever one connection or a call changes, all tabs of the user end with the same count and version.
    """
    async with serving(token_mode) as site, AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(site.tab_of("1")) for _ in range(3)]
        for tab in tabs:
            await tab.greeted()
        numbers = [(await site.notify())["notification_id"] for _ in range(4)]
        await tabs[0].send(type="mark_read", notification_id=numbers[0])
        await site.call("POST", f"/api/notifications/read-all?up_to={numbers[2]}")
        await site.call("PUT", f"/api/notifications/{numbers[1]}/mark-as-read?read=false")
        final = await site.host.inbox("1").counts()
        assert final.unread == 2
        for tab in tabs:
            last = await tab.until("unread_count", version=final.version)
            assert last["count"] == final.unread


async def test_notification_delivery_confirmation(token_mode: Built, serving: Serving) -> None:
    """
    002-41, 002-17, 002-19, 002-T17: what was not confirmed stays `sent` and comes again; ack, pong or mark_read confirm it.
    """
    async with serving(token_mode) as site:

        async def state_of(number: int, state: str) -> bool:
            return bool((await site.delivery("1", number)).state == state)

        number = (await site.notify())["notification_id"]
        assert (await site.delivery("1", number)).state == "queued"
        async with site.tab_of("1") as tab:
            await tab.until("notification", notification_id=number)
            tab.connection.transport.abort()
        await site.until(lambda: state_of(number, "sent"))
        async with site.tab_of("1") as tab:
            await tab.until("notification", notification_id=number)
            await tab.send(type="ack", notification_id=number)
            await tab.nothing_more()
        await site.until(lambda: state_of(number, "delivered"))
        async with site.tab_of("1") as tab:
            await tab.greeted()
            await tab.nothing_more()
            for answer in ("pong", "mark_read"):
                number = (await site.notify())["notification_id"]
                await tab.until("unread_count")
                more = {"notification_id": number} if answer == "mark_read" else {}
                await tab.send(type=answer, **more)
                await site.until(lambda n=number: state_of(n, "delivered"))


async def test_websocket_manager_performance(token_mode: Built, serving: Serving) -> None:
    """
    002-41, 002-32: fifty connections of ten users get each its own, in the order in which it was sent; the numbers are in
    benchmarks/notices.py.
    """
    users = [str(number) for number in range(10)]
    async with serving(token_mode) as site, AsyncExitStack() as stack:
        tabs = []
        for user in users * 5:
            token = site.host.token(user, ttl_s=60)
            tab = await stack.enter_async_context(site.tab(f"?token={token}"))
            await tab.greeted()
            tabs.append((user, tab))
        for number in range(5):
            await site.host.notify_all(users, f"number {number}", kind="order_ready")
        for _, tab in tabs:
            told = [await tab.until("notification") for _ in range(5)]
            assert [frame["subject"] for frame in told] == [f"number {n}" for n in range(5)]


class TestWebSocketManager:
    """
    002-42: the three broadcasts, in open mode, where the name in the query decides.
    """

    async def test_broadcast_single_user(self, open_mode: Built, serving: Serving) -> None:
        """002-42"""
        async with serving(open_mode) as site:
            await check_single_user(site)

    async def test_broadcast_multiple_users(self, open_mode: Built, serving: Serving) -> None:
        """002-42"""
        async with serving(open_mode) as site:
            await check_multiple_users(site)

    async def test_broadcast_disconnected_client(self, open_mode: Built, serving: Serving) -> None:
        """002-42"""
        async with serving(open_mode) as site:
            await check_disconnected_client(site)


class TestIntegration:
    """
    002-42: from the call to the database.
    """

    async def test_notification_flow_end_to_end(self, token_mode: Built, serving: Serving) -> None:
        """
        002-42, 002-18: sent, stored, shown, read on one device, gone from the counter of the other, deleted.
        """
        async with serving(token_mode) as site, site.tab_of("1") as one, site.tab_of("1") as other:
            assert (await one.greeted(), await other.greeted()) == (0, 0)
            number = (await site.notify())["notification_id"]
            assert (await one.until("notification"))["notification_id"] == number
            item = await site.call("GET", f"/api/notifications/{number}")
            assert (item["status"], item["user_id"], item["read_at"]) == ("unread", 1, None)
            await one.send(type="mark_read", notification_id=number)
            await other.until("notification_read", notification_id=number)
            assert (await other.next())["count"] == 0
            item = await site.call("GET", f"/api/notifications/{number}")
            assert item["status"] == "read"
            assert item["read_at"] is not None
            await site.call("DELETE", f"/api/notifications/{number}")
            listed = await site.call("GET", "/api/notifications")
            assert (listed["total"], listed["unread_count"]) == (0, 0)

    async def test_multiple_concurrent_connections(
        self, token_mode: Built, serving: Serving
    ) -> None:
        """
        002-42: what arrives while connections open is seen by each of them exactly once.
        """
        async with serving(token_mode) as site:
            seen: list[list[int]] = []

            async def watch() -> None:
                async with site.tab_of("1") as tab:
                    mine: list[int] = []
                    seen.append(mine)
                    while len(mine) < 20:
                        mine.append((await tab.until("notification"))["notification_id"])

            async with anyio.create_task_group() as group:
                for number in range(20):
                    if number % 4 == 0:
                        group.start_soon(watch)
                    await site.notify(subject=str(number))
            assert len(seen) == 5
            for mine in seen:
                assert mine == sorted(set(mine))
