"""
The opening handshake of RFC 6455 on the server's side, without I/O.
"""

import base64
import binascii
import hashlib
import http
import re
from collections.abc import Iterable

import msgspec

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """
    The head of an HTTP request.
    """

    method: str
    target: str
    version: str
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case."""

    @property
    def path(self) -> str:
        """
        As it came, with its percent escapes.
        """
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def values(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in self.headers if key == name]

    def tokens(self, name: bytes) -> list[str]:
        """
        The elements of a comma-separated header, over all its lines.
        """
        listed = ",".join(self.values(name)).split(",")
        return [token for token in (element.strip(" \t") for element in listed) if token]


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """
    The HTTP answer to a request that is no valid opening handshake.
    """

    status: int
    detail: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """
    A valid opening handshake.
    """

    key: str
    subprotocols: tuple[str, ...]


def read_head(data: bytes) -> Request | Rejection:
    """
    Take apart a complete request head, which ends with an empty line.
    """
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return Rejection(status=400, detail="the request head does not end with an empty line")
    start, *lines = head.split(b"\r\n")
    parts = start.decode("latin-1").split(" ")
    if len(parts) != 3 or not all(parts):
        return Rejection(status=400, detail="the request line is not method, target and version")
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name.decode("latin-1")):
            return Rejection(status=400, detail="a header line is not a name, a colon and a value")
        headers.append((name.lower(), value.strip(b" \t")))
    return Request(method=parts[0], target=parts[1], version=parts[2], headers=tuple(headers))


def read_opening(request: Request) -> Opening | Rejection:
    """
    Check a request against RFC 6455 section 4.2.1.
    """
    if request.method != "GET":
        return Rejection(
            status=405,
            detail=f"a WebSocket opens with GET, not {request.method}",
            headers=((b"allow", b"GET"),),
        )
    if request.version != "HTTP/1.1":
        return Rejection(
            status=505, detail=f"a WebSocket opens over HTTP/1.1, not {request.version}"
        )
    if len(request.values(b"host")) != 1:
        return Rejection(status=400, detail="exactly one Host header is needed")
    if "websocket" not in (token.lower() for token in request.tokens(b"upgrade")) or (
        "upgrade" not in (token.lower() for token in request.tokens(b"connection"))
    ):
        return Rejection(
            status=426,
            detail="this path serves WebSockets: send Connection: Upgrade and Upgrade: websocket",
            headers=((b"upgrade", b"websocket"), (b"connection", b"Upgrade")),
        )
    if request.values(b"sec-websocket-version") != ["13"]:
        return Rejection(
            status=426,
            detail="exactly one Sec-WebSocket-Version header with the value 13 is needed",
            headers=((b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")),
        )
    keys = request.values(b"sec-websocket-key")
    if len(keys) != 1 or not _is_nonce(keys[0]):
        return Rejection(
            status=400,
            detail="exactly one Sec-WebSocket-Key header with 16 bytes in base64 is needed",
        )
    subprotocols = request.tokens(b"sec-websocket-protocol")
    if not all(_TOKEN.fullmatch(name) for name in subprotocols):
        return Rejection(status=400, detail="Sec-WebSocket-Protocol is not a list of tokens")
    return Opening(key=keys[0], subprotocols=tuple(subprotocols))


def accepted_head(
    opening: Opening,
    *,
    subprotocol: str | None,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """
    The answer 101.

    Raises:
        ValueError: the subprotocol was not offered, so that the client would have to fail the connection.
    """
    if subprotocol is not None and subprotocol not in opening.subprotocols:
        raise ValueError(
            f"subprotocol {subprotocol!r} was not offered; choose one of {opening.subprotocols} or None"
        )
    digest = hashlib.sha1(opening.key.encode("latin-1") + _GUID, usedforsecurity=False).digest()
    lines = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", base64.b64encode(digest)),
    ]
    if subprotocol is not None:
        lines.append((b"sec-websocket-protocol", subprotocol.encode("ascii")))
    return _head(101, (*lines, *headers))


def rejected_answer(
    status: int,
    body: bytes,
    *,
    content_type: bytes,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """
    The answer to a handshake that is not upgraded, after which the connection ends.
    """
    lines = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
    ]
    lines += headers
    if not any(name == b"connection" for name, _ in lines):
        lines.append((b"connection", b"close"))
    return _head(status, lines) + body


def _is_nonce(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}".encode()]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"
