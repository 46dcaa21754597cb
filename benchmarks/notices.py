"""
Notifications stored and delivered with a thousand users connected: how many a second, how late, at what memory? Beside the connection manager of
every tutorial, with a table of its own in SQLite, doing the same job. docs/contract/notices.md 002-30 to 002-34 (the targets of 002-43), and the times of 3.4.
"""

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.harness.process import LOAD_CORES
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.harness.servers import Running, Server, avance_command, avance_server

NAME = "notices"
TITLE = "Notifications, stored and delivered"
USERS = 1_000
SENDERS = 32
SOCKET = "/ws/notifications"
SEND = "/api/notifications/send"
SEND_ALL = "/v1/jobs"


def peer(port: int, data: Path) -> None:
    """
    The same job as people write it: FastAPI, a dictionary of sockets, a row for each notification, count(*) for the badge.
    """
    import uvicorn
    from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect

    app = FastAPI()
    sockets: dict[str, list[WebSocket]] = {}
    database = sqlite3.connect(data / "notices.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(
        "CREATE TABLE notices (id INTEGER PRIMARY KEY, user TEXT, subject TEXT, message TEXT, read INTEGER)"
    )
    database.execute("CREATE INDEX of_user ON notices (user, read)")

    async def socket(websocket: WebSocket) -> None:
        user = websocket.query_params["user_id"]
        await websocket.accept()
        sockets.setdefault(user, []).append(websocket)
        await websocket.send_json({"type": "auth_success", "user_id": user})
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            sockets[user].remove(websocket)

    async def send(request: Request) -> dict[str, Any]:
        wanted = await request.json()
        return {"success": True, "notification_id": await tell(str(wanted["user_id"]), wanted)}

    async def tell(user: str, wanted: dict[str, Any]) -> int:
        row = database.execute(
            "INSERT INTO notices (user, subject, message, read) VALUES (?, ?, ?, 0) RETURNING id",
            (user, wanted["subject"], wanted["message"]),
        ).fetchone()
        (unread,) = database.execute(
            "SELECT count(*) FROM notices WHERE user = ? AND read = 0", (user,)
        ).fetchone()
        for each in sockets.get(user, ()):
            await each.send_json(
                {
                    "type": "notification",
                    "notification_id": row[0],
                    "notification_type": wanted["notification_type"],
                    "priority": wanted["priority"],
                    "subject": wanted["subject"],
                    "message": wanted["message"],
                }
            )
            await each.send_json({"type": "unread_count", "count": unread})
        return int(row[0])

    async def send_all(request: Request) -> dict[str, Any]:
        wanted = (await request.json())["params"]
        for user in range(wanted["users"]):
            await tell(str(user), {**a_notification(user), "subject": wanted["subject"]})
        return {"success": True}

    app.add_api_websocket_route(SOCKET, socket)
    app.add_api_route(SEND_ALL, send_all, methods=["POST"])
    app.add_api_route(SEND, send, methods=["POST"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", backlog=4096)


def _peer_command(port: int, publish_port: int, data: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.notices", "--peer", str(port), str(data)]


AVANCE = avance_server(
    "avance-notices",
    "avance serve",
    command=avance_command("benchmarks.notices_app:app", "--processes", "0"),
)
PEER = Server(
    name="avance-notices-peer", title="FastAPI connection manager + SQLite", command=_peer_command
)


class Users:
    """
    A thousand people with one tab each, and those who write to them.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._tabs: list[ClientConnection] = []
        self.connect_ms: list[float] = []
        self.latency_ms: list[float] = []
        self.delivered = 0
        self.sent = 0
        self._is_sent = False
        self._all_delivered = asyncio.Event()

    async def come(self, users: int) -> None:
        for first in range(0, users, 50):
            async with asyncio.TaskGroup() as group:
                for user in range(first, min(first + 50, users)):
                    group.create_task(self._open(user))
        # What one newcomer waits while nobody else comes.
        for user in range(users, users + 20):
            began_s = time.perf_counter()
            await self._open(user)
            self.connect_ms.append((time.perf_counter() - began_s) * 1000)

    async def work(self, seconds: float) -> float:
        """
        Send to everybody in turn for a while, until all is delivered; answer how long that took.
        """
        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read(tab)) for tab in self._tabs]
            async with asyncio.TaskGroup() as senders:
                for number in range(SENDERS):
                    senders.create_task(self._send(number, began_s + seconds))
            self._check()
            with suppress(TimeoutError):
                async with asyncio.timeout(20):
                    await self._all_delivered.wait()
            took_s = time.perf_counter() - began_s
            for reader in readers:
                reader.cancel()
        return took_s

    async def tell_all(self, times: int) -> float:
        """
        One request tells everybody, the next when all have it; answer how many that are a second.
        """
        line = Line(self._port)
        await line.open()
        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read(tab)) for tab in self._tabs]
            for _ in range(times):
                self._all_delivered.clear()
                self.sent += USERS
                params = {"users": USERS, "subject": str(time.perf_counter_ns())}
                await line.call("POST", SEND_ALL, {"task": "bench.tell_all", "params": params})
                self._check()
                async with asyncio.timeout(30):
                    await self._all_delivered.wait()
            took_s = time.perf_counter() - began_s
            for reader in readers:
                reader.cancel()
        line.close()
        return times * USERS / took_s

    async def leave(self) -> None:
        for tab in self._tabs:
            tab.transport.abort()

    @property
    def present(self) -> int:
        return len(self._tabs)

    def cut(self, count: int) -> None:
        """
        As when a network goes away: nobody says goodbye.
        """
        gone, self._tabs = self._tabs[:count], self._tabs[count:]
        for tab in gone:
            tab.transport.abort()

    async def broadcast(self, count: int) -> float:
        """
        How long until so many users have one each, in ms.
        """
        lines = [Line(self._port) for _ in range(count)]
        for line in lines:
            await line.open()
        tabs = {}
        for user in range(count):
            tabs[user] = await connect(
                f"ws://127.0.0.1:{self._port}{SOCKET}?user_id=late-{user}", compression=None
            )
            while "unread_count" not in str(await tabs[user].recv()):
                pass
        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for user, line in enumerate(lines):
                group.create_task(
                    line.call("POST", SEND, {**a_notification(0), "user_id": f"late-{user}"})
                )
            for tab in tabs.values():
                group.create_task(tab.recv())
        took_ms = (time.perf_counter() - began_s) * 1000
        for tab in tabs.values():
            await tab.close()
        for line in lines:
            line.close()
        return took_ms

    async def _open(self, user: int) -> None:
        tab = await connect(
            f"ws://127.0.0.1:{self._port}{SOCKET}?user_id={user}",
            ping_interval=None,
            compression=None,
        )
        await tab.recv()
        self._tabs.append(tab)

    async def _read(self, tab: ClientConnection) -> None:
        async for text in tab:
            if '"notification"' in text:
                now_ns = time.perf_counter_ns()
                self.latency_ms.append((now_ns - int(json.loads(text)["subject"])) / 1e6)
                self.delivered += 1
                if self._is_sent:
                    self._check()

    def _check(self) -> None:
        self._is_sent = True
        if self.delivered >= self.sent:
            self._all_delivered.set()

    async def _send(self, number: int, until_s: float) -> None:
        line = Line(self._port)
        await line.open()
        user = number
        while time.perf_counter() < until_s:
            await line.call("POST", SEND, a_notification(user % USERS))
            self.sent += 1
            user += SENDERS
        line.close()


class Line:
    """
    One connection for requests, as thin as can be: what the client costs is not to be measured.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def call(self, method: str, path: str, fields: dict[str, Any] | None = None) -> bytes:
        body = "" if fields is None else json.dumps(fields)
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith((b"http/1.1 200", b"http/1.1 201", b"http/1.1 202")), head
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        return await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


def a_notification(user: int) -> dict[str, Any]:
    return {
        "user_id": user,
        "notification_type": "stock_alert",
        "priority": "high",
        "subject": str(time.perf_counter_ns()),
        "message": "Producto A stock es bajo",
    }


async def _times(port: int, users: Users) -> dict[str, float]:
    """
    What one caller waits for the calls of the contract while nobody else asks: the slowest of thirty, in ms.
    """
    line = Line(port)
    await line.open()
    for _ in range(100):
        await line.call("POST", SEND, a_notification(0))
    listed = json.loads(await line.call("GET", "/api/notifications?limit=100&user_id=0"))
    ids = [one["notification_id"] for one in listed["notifications"]]
    times: dict[str, float] = {}

    async def slowest(name: str, calls: list[tuple[str, str, dict[str, Any] | None]]) -> None:
        took = []
        for method, path, fields in calls:
            began_s = time.perf_counter()
            await line.call(method, path, fields)
            took.append((time.perf_counter() - began_s) * 1000)
        times[name] = max(took)

    many = 30
    await slowest("send", [("POST", SEND, a_notification(1)) for _ in range(many)])
    await slowest("list 100 rows", [("GET", "/api/notifications?limit=100&user_id=0", None)] * many)
    marks = [("POST", f"/api/notifications/{one}/read?user_id=0", None) for one in ids[:many]]
    await slowest("mark read", list(marks))
    await slowest("preferences", [("GET", "/api/notification-preferences", None)] * many)
    times["broadcast to 10 users"] = await users.broadcast(10)
    times["clean up 500 connections"] = await _clean_up(line, users, 500)
    line.close()
    return times


async def _clean_up(line: Line, users: Users, count: int) -> float:
    began_s = time.perf_counter()
    users.cut(count)
    wanted = f"avance_subscriptions {users.present:.1f}".encode()
    while wanted not in await line.call("GET", "/metrics"):
        pass
    return (time.perf_counter() - began_s) * 1000


def _one(server: Server, seconds: float, rounds: int) -> dict[str, Any]:
    with Running(server) as running:
        idle_kib = running.process.memory_kib()

        async def course() -> dict[str, Any]:
            users = Users(running.port)
            await users.come(USERS)
            full_kib = running.process.memory_kib()
            before_s = running.process.cpu_s()
            took_s = await users.work(seconds)
            cpu_s = running.process.cpu_s() - before_s
            delivered = users.delivered
            lost = users.sent - users.delivered
            cuts = statistics.quantiles(users.latency_ms, n=100)
            all_per_s = await users.tell_all(rounds)
            times = await _times(running.port, users) if server is AVANCE else {}
            await users.leave()
            return {
                "server": server.name,
                "title": server.title,
                "per_s": delivered / took_s,
                "all_per_s": all_per_s,
                "cpu_ms": cpu_s * 1000 / delivered,
                "lost": lost,
                "p50_ms": cuts[49],
                "p95_ms": cuts[94],
                "p99_ms": cuts[98],
                "connect_ms": statistics.median(users.connect_ms),
                "kib_per_connection": (full_kib - idle_kib) / USERS,
                "times_ms": times,
            }

        return asyncio.run(course())


NUMBERS = {
    "per_s": "a request each: stored and delivered per s",
    "all_per_s": "a request for all: per s",
    "cpu_ms": "server CPU ms for each",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "connect_ms": "connect ms",
    "kib_per_connection": "KiB per connection",
    "lost": "lost",
}
TIMES_MS_MAX = {
    "send": 1_000,
    "list 100 rows": 500,
    "mark read": 100,
    "preferences": 50,
    "broadcast to 10 users": 100,
    "clean up 500 connections": 500,
}


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    seconds = settings.pick(3.0, 2.0)
    # The client has a core of its own, so that it takes nothing from the server that is measured.
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, LOAD_CORES)
    try:
        # The senders wait for each answer, and the disk is synced before anything is told.
        for number in range(settings.pick(3, 1)):
            for server in (AVANCE, PEER)[:: 1 if number % 2 == 0 else -1]:
                outcome.samples.append(_one(server, seconds, settings.pick(5, 2)))
    finally:
        os.sched_setaffinity(0, cores)
    title = f"{USERS:,} users connected, {SENDERS} senders over HTTP, each waits for its answer; then one tells all"
    table = Table(title=title, columns=("server", *NUMBERS.values()))
    median: dict[str, dict[str, float]] = {}
    for server in (AVANCE, PEER):
        runs = [one for one in outcome.samples if one["server"] == server.name]
        median[server.name] = {
            name: statistics.median(run[name] for run in runs) for name in NUMBERS
        }
        table.rows.append((server.title, *map(float, median[server.name].values())))
    outcome.tables.append(table)
    _compare(outcome, median[AVANCE.name])
    outcome.notes.append(
        "The peer keeps a row and counts; it has no event log, no delivery rows, no counter with a version, no preferences, no"
        " confirmation, and its disk writes stop its event loop. Medians of the rounds, in turns; times: the slowest of thirty."
    )
    return outcome


def _compare(outcome: Outcome, ours: dict[str, float]) -> None:
    outcome.at_most("002-30 connection latency", ours["connect_ms"], 100, " ms")
    outcome.at_most("002-31 delivery latency, p95", ours["p95_ms"], 500, " ms")
    outcome.at_least("002-32 concurrent connections", USERS, 100)
    outcome.at_least("002-33 notifications per second, a request each", ours["per_s"], 1_000)
    outcome.at_least("002-33 the same, a request for all", ours["all_per_s"], 1_000)
    outcome.at_most("002-34 memory per connection", ours["kib_per_connection"], 1_024, " KiB")
    outcome.holds("nothing lost", ours["lost"] == 0)
    runs = [one["times_ms"] for one in outcome.samples if one["times_ms"]]
    for name, most_ms in TIMES_MS_MAX.items():
        took_ms = statistics.median(run[name] for run in runs)
        outcome.at_most(f"3.4 {name}", took_ms, most_ms, " ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(NAME, TITLE, measure)
