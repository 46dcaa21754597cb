import logging
from collections.abc import Sequence
from typing import Any, Self

import httpcore2  # noqa: F401 - else the first client imports it, in the middle of an event loop
import httpx2 as httpx
import msgspec

from avance.errors import Unavailable
from avance.model.stream import Publication

log = logging.getLogger("avance.centrifugo")

UNKNOWN_CHANNEL = 102
"""There is no such namespace over there: of this channel nothing will ever be taken."""
BAD_REQUEST = 107


class CentrifugoLimits(msgspec.Struct, frozen=True, kw_only=True):
    timeout_s: float = 5.0
    connections: int = 2
    refused_channels_max: int = 100
    """So many namespaces that it does not know are named in the log."""


CENTRIFUGO_LIMITS = CentrifugoLimits()


class _Trouble(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Reply(msgspec.Struct, frozen=True):
    error: _Trouble | None = None


class _Batch(msgspec.Struct, frozen=True):
    replies: tuple[_Reply, ...] = ()
    error: _Trouble | None = None


_decoder = msgspec.json.Decoder(_Batch)


class CentrifugoApi:
    """
    An async context manager. Publishes to the HTTP API of one Centrifugo, or of several behind one address.
    """

    def __init__(self, url: str, key: str, *, limits: CentrifugoLimits = CENTRIFUGO_LIMITS) -> None:
        """
        Args:
            url: Of the API: `http://127.0.0.1:8000/api`.
            key: What Centrifugo has as `http_api.key`.
        """
        self._url = url.rstrip("/")
        self._limits = limits
        self._client = httpx.AsyncClient(
            timeout=limits.timeout_s,
            headers={"X-API-Key": key, "Content-Type": "application/json"},
            limits=httpx.Limits(max_connections=limits.connections),
        )
        self._refused: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def publish(self, publications: Sequence[Publication]) -> None:
        """
        Publish in this order. Repeated after a doubt it has no second effect: each carries a key that Centrifugo remembers.

        Raises:
            Unavailable: Not all of it was taken.
        """
        commands = [{"publish": _command(publication)} for publication in publications]
        body = msgspec.json.encode({"commands": commands})
        try:
            answer = await self._client.post(f"{self._url}/batch", content=body)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"Centrifugo at {self._url} does not answer ({type(error).__name__}: {error})"
            ) from error
        if not answer.is_success:
            hint = "; compare AVANCE_CENTRIFUGO_KEY with its http_api.key"
            raise Unavailable(
                f"Centrifugo at {self._url} answered {answer.status_code}{hint if answer.status_code == 401 else ''}"
            )
        self._read(answer.content, publications)

    def _read(self, body: bytes, publications: Sequence[Publication]) -> None:
        try:
            told = _decoder.decode(body)
        except msgspec.DecodeError as error:
            raise Unavailable(f"{self._url} does not answer as Centrifugo does: {error}") from error
        if told.error is not None:
            raise Unavailable(f"Centrifugo at {self._url}: {told.error.message}")
        if len(told.replies) != len(publications):
            raise Unavailable(
                f"Centrifugo at {self._url} answered {len(told.replies)} of {len(publications)}"
            )
        for publication, reply in zip(publications, told.replies, strict=True):
            if reply.error is None:
                continue
            if reply.error.code not in (UNKNOWN_CHANNEL, BAD_REQUEST):
                raise Unavailable(f"Centrifugo at {self._url}: {reply.error.message}")
            self._refuse(publication.channel.partition(":")[0], reply.error)

    def _refuse(self, namespace: str, trouble: _Trouble) -> None:
        if namespace in self._refused or len(self._refused) >= self._limits.refused_channels_max:
            return
        self._refused.add(namespace)
        log.warning(
            "Centrifugo refuses channels of the namespace %r (%s); declare it there, as deploy/centrifugo/config.json does",
            namespace,
            trouble.message,
        )


def _command(publication: Publication) -> dict[str, Any]:
    command: dict[str, Any] = {
        "channel": publication.channel,
        "data": msgspec.Raw(publication.data),
    }
    if publication.offset:
        command["idempotency_key"] = (
            f"{publication.channel}/{publication.epoch}/{publication.offset}"
        )
    return command
