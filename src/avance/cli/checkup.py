"""
The single checks of `avance doctor`.
"""

import asyncio
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from avance.app.buses import greet_bus
from avance.app.extension import offered_apps
from avance.app.front import CentrifugoSettings
from avance.app.storage import greet_store, open_blobs
from avance.cli.client import Client, Refused, Unreachable
from avance.config import AuthMode, Settings, check_bind
from avance.errors import AvanceError, ConfigError
from avance.version import VERSION

DISK_BYTES_LOW = 1_073_741_824
DISK_BYTES_MIN = 104_857_600
SECRET_BYTES_MIN = 32
SKEW_S_MAX = 5.0
STREAM_TIMEOUT_S = 8.0
ANSWER_BYTES_MAX = 1_048_576
_NO_COUNT = (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError)
"""Nobody answers, or with something else than was asked for."""
_CONNECT = b'{"id":1,"connect":{"name":"avance-doctor"}}'


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    verdict: Verdict
    detail: str
    remedy: str | None = None


def check_machine(settings: Settings) -> Iterator[Finding]:
    """
    What can be seen without a server.
    """
    try:
        check_bind(settings)
    except ConfigError as error:
        yield _failure("access", error.message, None)
    else:
        yield _ok("access", f"auth is {settings.auth.value}, host is {settings.host}")
    secret = settings.token_secret
    if secret is not None and len(secret.reveal().encode()) < SECRET_BYTES_MIN:
        yield _warning(
            "secret",
            f"the token secret has under {SECRET_BYTES_MIN} bytes and can be guessed",
            "make one with: openssl rand -hex 32",
        )
    if settings.auth is AuthMode.TOKEN and settings.jwks_url is not None:
        yield _check_jwks(settings.jwks_url)
    yield from _check_data(Path(settings.data))
    yield from _check_services(settings)
    yield from _check_apps()


def check_server(client: Client) -> Iterator[Finding]:
    """
    The way to a server, as a browser goes it.
    """
    before_s = time.time()
    try:
        health = client.get("/health")
    except (Unreachable, Refused) as error:
        yield _failure(
            "server", error.message, "start it with `avance serve`, or give --url or AVANCE_URL"
        )
        return
    took_s = time.time() - before_s
    yield _server(client, health, took_s)
    yield _clock(health, before_s + took_s / 2)
    yield _ready(client)
    credentials = _credentials(client)
    yield credentials
    yield asyncio.run(_socket(client))
    if credentials.verdict is Verdict.OK:
        yield _stream(client)


def _check_data(data: Path) -> Iterator[Finding]:
    place = next(path for path in (data, *data.resolve().parents) if path.exists())
    if not os.access(place, os.W_OK):
        yield _failure("data", f"{place} cannot be written", "give --data a directory of your own")
        return
    free = shutil.disk_usage(place).free
    detail = f"{free / 2**30:.1f} GiB are free for {data}"
    if free < DISK_BYTES_MIN:
        yield _failure("disk", detail, "make room: submits are refused when the disk is full")
    elif free < DISK_BYTES_LOW:
        yield _warning("disk", detail, "make room, or shorten the retention settings")
    else:
        yield _ok("disk", detail)


def _check_services(settings: Settings) -> Iterator[Finding]:
    """
    The servers that the settings name, as this machine reaches them.
    """
    asked: list[tuple[str, Callable[[], str | None]]] = [
        ("store", partial(greet_store, settings.store_url))
    ]
    asked += [
        (name, partial(greet_bus, url))
        for name, url in (("bus", settings.bus), ("celery", settings.celery))
        if url is not None
    ]
    for name, greet in asked:
        try:
            detail = greet()
        except AvanceError as error:
            yield _failure(name, error.message, f"start it, or correct AVANCE_{name.upper()}")
        else:
            if detail is not None:
                yield _ok(name, detail)
    if settings.blobs is not None:
        yield asyncio.run(_files(settings.blobs, settings.data))
    front = settings.section(CentrifugoSettings)
    if front.url is not None and front.key is not None:
        yield _front(front.url, front.key.reveal())


async def _files(url: str, data: str) -> Finding:
    """
    Whether the place of files takes one: that it answers says nothing of its rights.
    """
    key = f"doctor/{uuid4().hex}"

    async def body() -> AsyncIterator[bytes]:
        yield b"avance doctor"

    try:
        blobs = open_blobs(url, data)
        await blobs.put(key, body(), bytes_max=100)
        await blobs.remove(key)
    except AvanceError as error:
        return _failure("blobs", error.message, "start it, or correct AVANCE_BLOBS and its keys")
    return _ok("blobs", f"{url.partition('?')[0]} takes files and removes them")


def _front(url: str, key: str) -> Finding:
    request = urllib.request.Request(
        f"{url.rstrip('/')}/info",
        b"{}",
        {"Content-Type": "application/json", "X-API-Key": key},
    )
    try:
        return _ok("centrifugo", f"{_count(request, 'result', 'nodes')} nodes at {url}")
    except _NO_COUNT as error:
        return _failure(
            "centrifugo",
            f"the API of Centrifugo at {url} does not answer ({error})",
            "start it, or correct AVANCE_CENTRIFUGO_URL and AVANCE_CENTRIFUGO_KEY",
        )


def _check_apps() -> Iterator[Finding]:
    for app in offered_apps():
        if not app.missing:
            yield _ok("app", f"{app.name} is served")
            continue
        remedy = f"pip install 'avance[{app.extra}]'" if app.extra else "install them"
        yield _warning("app", f"{app.name} is left out without {', '.join(app.missing)}", remedy)


def _check_jwks(url: str) -> Finding:
    try:
        return _ok("keys", f"{_count(url, 'keys')} keys at {url}")
    except _NO_COUNT as error:
        return _failure(
            "keys",
            f"the issuer's keys at {url} cannot be read ({error})",
            "correct AVANCE_JWKS_URL; until then no token of the issuer is accepted",
        )


def _count(asked: str | urllib.request.Request, *names: str) -> int:
    """
    How many there are below these names in the JSON that is answered.
    """
    with urllib.request.urlopen(asked, timeout=5) as answer:
        found = msgspec.json.decode(answer.read(ANSWER_BYTES_MAX))
    for name in names:
        found = found[name]
    return len(found)


def _server(client: Client, health: Any, took_s: float) -> Finding:
    version = health.get("version")
    detail = f"{client.url} answers in {took_s * 1000:.0f} ms, version {version}"
    if health.get("status") != "healthy":
        return _failure("server", f"{client.url} is no avance server", "correct the address")
    if version != VERSION:
        return _warning("server", detail, f"this command is version {VERSION}; update one of them")
    return _ok("server", detail)


def _clock(health: Any, here_s: float) -> Finding:
    try:
        there_s = datetime.fromisoformat(health["timestamp"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return _failure("clock", "the server does not tell its time", "correct the address")
    skew_s = there_s - here_s
    detail = f"the server's clock is {abs(skew_s):.1f} s {'ahead' if skew_s > 0 else 'behind'}"
    if abs(skew_s) > SKEW_S_MAX:
        return _failure(
            "clock", detail, "synchronise both (NTP); tokens end too early or too late otherwise"
        )
    return _ok("clock", detail)


def _ready(client: Client) -> Finding:
    try:
        parts = client.get("/ready")["parts"]
    except Refused as error:
        return _failure(
            "services", error.message, f"see {client.url}/ready for the part that is missing"
        )
    except Unreachable as error:
        return _failure("services", error.message, None)
    down = [
        f"{name}: {part.get('detail') or 'down'}"
        for name, part in parts.items()
        if part["status"] != "ok"
    ]
    if down:
        return _warning("services", "; ".join(down), "the server works without, but not fully")
    return _ok("services", ", ".join(parts) or "none are needed")


def _credentials(client: Client) -> Finding:
    try:
        client.get("/v1/jobs", {"limit": 1})
    except Refused as error:
        return _failure(
            "credentials",
            error.message,
            "set AVANCE_TOKEN (make one with `avance token USER`) or AVANCE_API_KEY",
        )
    except Unreachable as error:
        return _failure("credentials", error.message, None)
    return _ok("credentials", "accepted")


async def _socket(client: Client) -> Finding:
    """
    An upgrade and a first word, through whatever stands in between.
    """
    context = ssl.create_default_context() if client.url.startswith("https") else None
    try:
        async with connect(
            client.socket_url, additional_headers=client.headers, open_timeout=5, ssl=context
        ) as socket:
            token = {"token": client.token} if client.token else {}
            command = {"id": 1, "connect": {"name": "avance-doctor", **token}}
            await socket.send(msgspec.json.encode(command).decode())
            async with asyncio.timeout(5):
                reply = msgspec.json.decode(str(await socket.recv()).partition("\n")[0])
    except InvalidStatus as error:
        return _failure("websocket", _upgrade_refused(error), _PROXY_HELP)
    except (OSError, TimeoutError, InvalidHandshake) as error:
        return _failure("websocket", f"no upgrade at {client.socket_url} ({error})", _PROXY_HELP)
    except WebSocketException as error:
        return _failure("websocket", f"the connection was closed: {error}", None)
    if "connect" not in reply:
        return _failure("websocket", f"the session was refused: {reply.get('error')}", None)
    return _ok("websocket", f"{client.socket_url} upgrades and answers")


_PROXY_HELP = (
    "a proxy in between must pass the upgrade: nginx needs `proxy_http_version 1.1`, "
    "`proxy_set_header Upgrade $http_upgrade` and `proxy_set_header Connection upgrade`; clients fall back to HTTP streams meanwhile"
)


def _upgrade_refused(error: InvalidStatus) -> str:
    status = error.response.status_code
    return f"the upgrade was answered with {status} instead of 101"


def _stream(client: Client) -> Finding:
    """
    Whether the first reply of an HTTP stream arrives while the stream is open: a proxy that buffers keeps it back.
    """
    connect_command = {"name": "avance-doctor", **({"token": client.token} if client.token else {})}
    request = urllib.request.Request(
        client.url + "/connection/http_stream",
        data=msgspec.json.encode({"id": 1, "connect": connect_command}),
        headers={**client.headers, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=STREAM_TIMEOUT_S) as answer:
            first = answer.readline(65_536)
    except TimeoutError:
        return _warning(
            "stream",
            "an HTTP stream brings nothing while it is open",
            "a proxy buffers: switch it off for /connection/ (nginx: `proxy_buffering off`)",
        )
    except OSError as error:
        return _warning("stream", f"an HTTP stream cannot be opened ({error})", None)
    if b'"connect"' not in first:
        return _warning("stream", f"an HTTP stream answers {first[:80]!r}", None)
    return _ok("stream", "HTTP streams arrive unbuffered")


def _ok(name: str, detail: str) -> Finding:
    return Finding(name=name, verdict=Verdict.OK, detail=detail)


def _warning(name: str, detail: str, remedy: str | None) -> Finding:
    return Finding(name=name, verdict=Verdict.WARNING, detail=detail, remedy=remedy)


def _failure(name: str, detail: str, remedy: str | None) -> Finding:
    return Finding(name=name, verdict=Verdict.FAILURE, detail=detail, remedy=remedy)
