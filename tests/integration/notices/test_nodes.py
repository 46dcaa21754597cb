"""
Several servers on one store, and servers that are killed: docs/contract/notices.md 002-45, 002-T18, and never twice.
"""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import httpx2 as httpx
import pytest
from anyio.to_thread import run_sync
from node_service import Node
from websockets.asyncio.client import connect

from avance.integrations.client import AsyncClient

from .conftest import EXAMPLE, Tab
from .mail_server import MailServer

HERE = Path(__file__).parent
RETAIL = "avance.apps.retail:app"
pytestmark = pytest.mark.timeout(120)
SEND = "/api/notifications/send"
# Nothing here is encrypted, and to load the certificates of the system for each call would cost more than the calls.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@asynccontextmanager
async def a_tab(node: Node, user: str) -> AsyncIterator[Tab]:
    url = f"ws://127.0.0.1:{node.port}/ws/notifications?user_id={user}"
    async with connect(url, ping_interval=None) as connection:
        tab = Tab(connection, 20)
        await tab.greeted()
        yield tab


async def call(node: Node, method: str, path: str, **more: Any) -> Any:
    async with httpx.AsyncClient(base_url=node.url, timeout=30, verify=NO_TLS) as client:
        answer = await client.request(method, path, **more)
    assert answer.is_success, answer.text
    return answer.json()


@asynccontextmanager
async def running(*nodes: Node) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        async with anyio.create_task_group() as group:
            for node in nodes:
                stack.callback(node.kill)
                group.start_soon(run_sync, node.start)
        yield


@pytest.fixture(params=["postgres", "redis"])
def two_nodes(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Node, Node]:
    """
    On one PostgreSQL, which tells both; or on one SQLite with a Redis between them.
    """
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        environment = {"AVANCE_STORE": url, "AVANCE_PROCESSES": "0"}
        folders = ("one", "two")
    else:
        url = request.getfixturevalue("redis_url")
        environment = {"REDIS_URL": url, "AVANCE_PROCESSES": "0"}
        folders = ("both", "both")
    for folder in set(folders):
        (tmp_path / folder).mkdir()
    one, two = (Node(RETAIL, HERE, tmp_path / folder, env=environment) for folder in folders)
    return one, two


async def test_the_tabs_of_a_user_at_two_servers_show_the_same(
    two_nodes: tuple[Node, Node],
) -> None:
    """
    002-45, 002-20, 002-T18: sent, read and deleted through both at once; each tab hears of each notification once, and no older count
    follows a newer one.
    """
    async with (
        running(*two_nodes),
        a_tab(two_nodes[0], "1") as here,
        a_tab(two_nodes[1], "1") as there,
        a_tab(two_nodes[1], "2") as stranger,
    ):
        numbers: list[int] = []

        async def send(node: Node, tab: Tab) -> None:
            for turn in range(6):
                said = await call(node, "POST", SEND, json=EXAMPLE)
                numbers.append(said["notification_id"])
                if turn % 2:
                    await tab.send(type="mark_read", notification_id=said["notification_id"])
                elif turn % 3:
                    path = f"/api/notifications/{said['notification_id']}?user_id=1"
                    await call(node, "DELETE", path)

        async with anyio.create_task_group() as group:
            group.start_soon(send, two_nodes[0], here)
            group.start_soon(send, two_nodes[1], there)
        # Twelve came, six were read and four deleted: two are left after that many changes.
        for tab in (here, there):
            seen, versions, count = [], [0], -1
            while versions[-1] < 12 + 6 + 4:
                frame = await tab.next()
                if frame["type"] == "notification":
                    seen.append(frame["notification_id"])
                elif frame["type"] == "unread_count":
                    versions.append(frame["version"])
                    count = frame["count"]
            assert sorted(seen) == sorted(numbers)
            assert versions == sorted(set(versions))
            assert count == 2
        for node in two_nodes:
            listed = await call(node, "GET", "/api/notifications?user_id=1&limit=100")
            unread = [one for one in listed["notifications"] if one["status"] == "unread"]
            assert (listed["unread_count"], len(unread)) == (2, 2)
        await stranger.nothing_more()


@pytest.fixture
def watching_nodes(postgres_url: str, tmp_path: Path) -> tuple[Node, Node]:
    """
    The second only serves.
    """
    nodes = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        environment = {"AVANCE_STORE": postgres_url, "AVANCE_PROCESSES": str(int(number == 0))}
        nodes.append(Node("watched:app", HERE, tmp_path / str(number), env=environment))
    return nodes[0], nodes[1]


async def test_who_watches_at_another_server_is_not_told_again(
    watching_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    """
    `notify=on_finish`: presence is known on all nodes.
    """
    one, two = watching_nodes
    async with running(one, two), AsyncClient(one.url) as here, AsyncClient(two.url) as there:
        job = await here.submit("watched.report", name="seen", gate=str(tmp_path / "seen"))
        async with aclosing(there.watch(job)) as changes:
            async for change in changes:
                (tmp_path / "seen").touch()
                if change.event.get("to") == "completed":
                    break
            # What ends later is told later, so the first would be there by then.
            (tmp_path / "unseen").touch()
            await here.submit("watched.report", name="unseen", gate=str(tmp_path / "unseen"))
            titles: list[str] = []
            with anyio.fail_after(30):
                while not titles:
                    page = await call(two, "GET", "/v1/inbox")
                    titles = [notice["title"] for notice in page["notifications"]]
        assert titles == ["unseen is completed"]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mailing_node(tmp_path: Path, mail: MailServer) -> Node:
    (tmp_path / "data").mkdir()
    environment = {
        "AVANCE_PROCESSES": "0",
        "SMTP_SERVER": "127.0.0.1",
        "SMTP_PORT": str(mail.port),
        "NOTIFICATION_EMAIL": "shop@shop.example",
        # As short as a machine that stands still for three seconds allows.
        "AVANCE_INBOX_LEASE_S": "4",
        "AVANCE_INBOX_POLL_S": "0.1",
        "AVANCE_INBOX_SEND_TIMEOUT_S": "3.5",
    }
    return Node(RETAIL, HERE, tmp_path / "data", env=environment)


async def test_a_server_killed_while_it_sends_does_not_send_again(
    mailing_node: Node, mail: MailServer, patience: Callable[[float], float]
) -> None:
    """
    002-17, decision 8: `kill -9` after the mail server took the message and before this was written down. It is not repeated, the row
    tells that it may have arrived, and what had not been begun goes out after the restart.
    """

    is_killed = Event()

    async def kill(_: Any) -> None:
        # In the thread of the mail server, before it answers. Where the machine stood still, the digest was due sooner.
        if mail.box.mails[-1]["Subject"] == "later":
            return
        mail.box.on_data = None
        mailing_node.kill()
        is_killed.set()

    async with running(mailing_node):
        node = mailing_node
        await call(node, "PUT", "/api/notification-preferences", json={"email": "ana@x.example"})
        waiting = {"user": "dev", "title": "later", "channels": ["in_app", "email"]}
        later = await call(node, "POST", "/v1/inbox", json={**waiting, "digest": {"window_s": 2}})
        mail.box.on_data = kill
        fields = {**EXAMPLE, "user_id": "dev", "channels": ["in_app", "email"]}
        with pytest.raises(httpx.HTTPError):
            await call(node, "POST", SEND, json=fields)
        await run_sync(is_killed.wait)
        await run_sync(node.start)
        page = await call(node, "GET", "/v1/inbox")
        (number,) = [one["id"] for one in page["notifications"] if one["title"] != "later"]

        async def row(of: int) -> Any:
            found = (await call(node, "GET", f"/v1/inbox/{of}/deliveries"))["deliveries"]
            return next(one for one in found if one["channel"] == "email")

        with anyio.fail_after(patience(30)):
            while (await row(number))["state"] == "queued":
                pass
            while (await row(later["notification"]["id"]))["state"] == "queued":
                pass
        interrupted = await row(number)
        assert (interrupted["state"], interrupted["attempts"]) == ("failed", 1)
        assert "may have arrived" in interrupted["last_error"]
        assert (await row(later["notification"]["id"]))["state"] == "sent"
    subjects = sorted(str(one["Subject"]) for one in mail.box.mails)
    assert subjects == ["Stock bajo", "later"], json.dumps(subjects)
