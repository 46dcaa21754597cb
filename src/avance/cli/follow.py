"""
Follow one job: over the WebSocket with recovery, or by long polls where no socket gets through.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from avance.cli.client import Client, Refused, Unreachable, job_path

TERMINAL = ("completed", "failed", "cancelled", "expired")
OPEN_TIMEOUT_S = 10.0
SILENCE_S = 40.0
"""The server pings each 25 s; after so long without a word the connection is dead."""
RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 5.0)
POLL_WAIT_S = 20.0
_STOP_CODES = range(3_500, 4_000)

Event = Mapping[str, Any]


class NoSocket(Exception):
    """
    No WebSocket was opened, ever: a proxy without upgrade, or a server without sockets.
    """


class Ended(Exception):
    """
    The server told that coming back is pointless.
    """


class JobFollower:
    """
    The job as the events tell it; survives any number of connections.
    """

    def __init__(self, client: Client, job_id: str) -> None:
        self._client = client
        self.job: dict[str, Any] = {}
        self._job_id = job_id
        self._channel = f"job:{job_id}"
        self._position: tuple[str, int] | None = None

    @property
    def is_over(self) -> bool:
        return self.job.get("state") in TERMINAL

    async def events(self) -> AsyncGenerator[Event]:
        """
        Every event once, in order, until the job has ended; the first one is the snapshot.
        """
        failures = 0
        while not self.is_over:
            try:
                async with aclosing(self._connected()) as events:
                    async for event in events:
                        failures = 0
                        yield event
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError) as error:
                if self._position is None and failures >= 1:
                    raise NoSocket(str(error)) from error
            if not self.is_over:
                await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
                failures += 1

    def polled(self) -> Iterator[Event]:
        """
        The same over HTTP.
        """
        path = job_path(self._job_id)
        self.job = self._client.get(path)
        yield {"type": "snapshot", "job": self.job}
        since = int(self.job["seq"])
        while not self.is_over:
            try:
                page = self._client.call(
                    "GET", f"{path}/events?since={since}&wait_s={POLL_WAIT_S}", timeout_s=60
                )
            except Unreachable:
                self.job = self._client.get(path)
                continue
            for event in page["events"]:
                since = event["seq"]
                self._apply(event)
                yield event
            if page["is_gap"] and not page["events"]:
                self.job = self._client.get(path)
                since = int(self.job["seq"])
                yield {"type": "snapshot", "job": self.job}

    async def _connected(self) -> AsyncGenerator[Event]:
        context = ssl.create_default_context() if self._client.url.startswith("https") else None
        try:
            opening = connect(
                self._client.socket_url,
                additional_headers=self._client.headers,
                open_timeout=OPEN_TIMEOUT_S,
                ping_interval=None,
                ssl=context,
                max_size=4_194_304,
            )
        except InvalidURI as error:
            raise NoSocket(str(error)) from error
        async with opening as socket:
            await socket.send(_commands(self._connect_command(), self._subscribe_command()))
            while True:
                async with asyncio.timeout(SILENCE_S):
                    frame = await socket.recv(decode=False)
                for text in frame.split(b"\n"):
                    reply = msgspec.json.decode(text)
                    if not reply:
                        await socket.send("{}")
                        continue
                    for event in self._read(reply):
                        self._apply(event)
                        yield event
                    if self.is_over:
                        return

    def _connect_command(self) -> Event:
        token = {"token": self._client.token} if self._client.token else {}
        return {"id": 1, "connect": {**token, "name": "avance-cli"}}

    def _subscribe_command(self) -> Event:
        wanted: dict[str, Any] = {"channel": self._channel}
        if self._position is not None:
            epoch, offset = self._position
            wanted.update(recover=True, epoch=epoch, offset=offset)
        return {"id": 2, "subscribe": wanted}

    def _read(self, reply: Event) -> Iterator[Event]:
        if "error" in reply:
            error = reply["error"]
            raise Refused(int(error["code"]), str(error["message"]), "the server refused")
        if "subscribe" in reply:
            result = reply["subscribe"]
            for publication in result.get("publications", ()):
                yield publication["data"]
            self._position = (result["epoch"], result.get("offset", 0))
        push = reply.get("push", {})
        if push.get("channel") == self._channel and "pub" in push:
            publication = push["pub"]
            if self._position is not None and "offset" in publication:
                self._position = (self._position[0], publication["offset"])
            yield publication["data"]
        disconnect = push.get("disconnect")
        if disconnect is not None and disconnect["code"] in _STOP_CODES:
            raise Ended(disconnect["reason"])

    def _apply(self, event: Event) -> None:
        kind = event["type"]
        if kind == "snapshot":
            self.job = dict(event["job"])
            return
        self.job["attempt"] = event.get("attempt", self.job.get("attempt", 1))
        if kind == "progress":
            self.job["progress"] = event["progress"]
        elif kind == "state":
            self.job["state"] = event["to"]
        elif kind == "error":
            self.job["error"] = event["error"]
        elif kind == "result":
            self.job["result"] = event.get("result")


def _commands(*commands: Event) -> str:
    return "\n".join(msgspec.json.encode(command).decode() for command in commands)
