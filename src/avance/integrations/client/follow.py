"""
Follow one job: over the WebSocket with recovery, or by long polls where no socket gets through.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from avance.errors import (
    AvanceError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from avance.integrations.client.api import Api, job_path
from avance.integrations.client.reduce import ClientJob, Event, apply, view_of

_STOP_CODES = range(3_500, 4_000)
_REFUSALS = {101: Unauthenticated, 102: NotFound, 103: PermissionDenied, 109: Unauthenticated}
_TEMPORARY = 100


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """
    An event, and the job as it is with it. The first one is the snapshot.
    """

    event: dict[str, Any]
    job: ClientJob

    @property
    def type(self) -> str:
        """
        `snapshot`, `state`, `progress`, `phase`, `log`, `data`, `result`, `error` or `child`.
        """
        return str(self.event["type"])


class _NoSocket(Exception):
    """
    No WebSocket was opened, ever: a proxy without upgrade, or a server without sockets.
    """


class Follower:
    """
    One job over any number of connections: each event once, in order.
    """

    def __init__(self, api: Api, job_id: str) -> None:
        self._api = api
        self._limits = api.limits
        self._job_id = job_id
        self._channel = f"job:{job_id}"
        self._job: ClientJob | None = None
        self._position: tuple[str, int] | None = None

    @property
    def is_over(self) -> bool:
        return self._job is not None and self._job.state.is_terminal

    async def changes(self) -> AsyncGenerator[Change]:
        """
        Until the job has ended.
        """
        try:
            async with aclosing(self._pushed()) as events:
                async for event in events:
                    yield self._take(event)
        except _NoSocket:
            async with aclosing(self._polled()) as events:
                async for event in events:
                    yield self._take(event)

    def _take(self, event: dict[str, Any]) -> Change:
        if self._job is None and event["type"] != "snapshot":
            raise AvanceError(f"the first event of job {self._job_id} is no snapshot: {event}")
        self._job = view_of(event["job"]) if self._job is None else apply(self._job, event)
        return Change(event=event, job=self._job)

    async def _pushed(self) -> AsyncGenerator[dict[str, Any]]:
        failures, lost_s = 0, time.monotonic()
        while not self.is_over:
            try:
                async with aclosing(self._connected()) as events:
                    async for event in events:
                        failures, lost_s = 0, time.monotonic()
                        yield event
                        if self.is_over:
                            return
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError) as error:
                if self._position is None and isinstance(error, InvalidStatus):
                    raise _NoSocket(str(error)) from error
                if time.monotonic() - lost_s > self._limits.away_s:
                    raise Unavailable(
                        f"no server answers at {self._api.url} for {self._limits.away_s:g} s: {error}",
                        code="unreachable",
                    ) from error
            await self._pause(failures)
            failures += 1

    async def _connected(self) -> AsyncGenerator[dict[str, Any]]:
        context = ssl.create_default_context() if self._api.url.startswith("https") else None
        try:
            opening = connect(
                self._api.socket_url,
                additional_headers=self._api.headers,
                open_timeout=self._limits.open_timeout_s,
                ping_interval=None,
                ssl=context,
                max_size=self._limits.frame_bytes_max,
            )
        except InvalidURI as error:
            raise _NoSocket(str(error)) from error
        async with opening as socket:
            await socket.send(_commands(self._connect(), self._subscribe()))
            while True:
                async with asyncio.timeout(self._limits.silence_s):
                    frame = await socket.recv(decode=False)
                for text in frame.split(b"\n"):
                    reply = msgspec.json.decode(text)
                    if not reply:
                        await socket.send("{}")
                        continue
                    for event in self._read(reply):
                        yield event

    def _connect(self) -> Event:
        token = {"token": self._api.token} if self._api.token else {}
        return {"id": 1, "connect": {**token, "name": "avance-python"}}

    def _subscribe(self) -> Event:
        wanted: dict[str, Any] = {"channel": self._channel}
        if self._position is not None:
            epoch, offset = self._position
            wanted.update(recover=True, epoch=epoch, offset=offset)
        return {"id": 2, "subscribe": wanted}

    def _read(self, reply: Event) -> Iterator[dict[str, Any]]:
        if "error" in reply:
            self._refuse(reply["error"])
        if "subscribe" in reply:
            result = reply["subscribe"]
            self._position = (result.get("epoch", ""), result.get("offset", 0))
            for publication in result.get("publications", ()):
                yield publication["data"]
        push = reply.get("push", {})
        if push.get("channel") == self._channel and "pub" in push:
            publication = push["pub"]
            if self._position is not None and "offset" in publication:
                self._position = (self._position[0], publication["offset"])
            yield publication["data"]
        end = push.get("disconnect")
        if end is not None and end["code"] in _STOP_CODES:
            raise AvanceError(f"the server closed the connection: {end['reason']} ({end['code']})")

    def _refuse(self, error: Event) -> None:
        if error.get("temporary") or error["code"] == _TEMPORARY:
            raise TimeoutError(f"{error['message']} ({error['code']})")
        kind = _REFUSALS.get(error["code"], AvanceError)
        raise kind(f"job {self._job_id} cannot be followed: {error['message']} ({error['code']})")

    async def _polled(self) -> AsyncGenerator[dict[str, Any]]:
        path = job_path(self._job_id)
        yield await self._snapshot()
        since = 0 if self._job is None else self._job.seq
        failures = 0
        while not self.is_over:
            query = {"since": since, "wait_s": self._limits.poll_wait_s, "limit": 500}
            try:
                body = await self._api.call(
                    "GET",
                    f"{path}/events",
                    query=query,
                    timeout_s=self._limits.poll_wait_s + self._limits.request_timeout_s,
                )
            except Unavailable:
                await self._pause(failures)
                failures += 1
                continue
            failures = 0
            page = msgspec.json.decode(body)
            if page["is_gap"]:
                yield await self._snapshot()
                since = 0 if self._job is None else self._job.seq
                continue
            for event in page["events"]:
                since = event["seq"]
                yield event

    async def _snapshot(self) -> dict[str, Any]:
        job = msgspec.json.decode(await self._api.call("GET", job_path(self._job_id)))
        return {"type": "snapshot", "seq": job["seq"], "job": job}

    async def _pause(self, failures: int) -> None:
        waits = self._limits.reconnect_s
        await asyncio.sleep(waits[min(failures, len(waits) - 1)])


def _commands(*commands: Event) -> str:
    return "\n".join(msgspec.json.encode(command).decode() for command in commands)
