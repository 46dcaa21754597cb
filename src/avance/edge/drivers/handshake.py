from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Scope

from avance.edge.link import Handshake

_FIELDS_MAX = 64


def build_handshake(
    *,
    transport: str,
    path: str,
    query: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    address: str,
    scheme: str,
    subprotocols: Iterable[str] = (),
) -> Handshake:
    """
    What a session gets to know, from what HTTP knows.
    """
    return Handshake(
        transport=transport,
        path=path,
        query=read_query(query),
        headers=_joined(headers),
        address=address,
        subprotocols=tuple(subprotocols),
        scheme=scheme,
    )


def asgi_handshake(scope: Scope, transport: str) -> Handshake:
    """
    The same from an ASGI scope, whose `client` a proxy middleware has corrected already.
    """
    path, root_path = scope["path"], scope.get("root_path", "")
    if root_path and path.startswith(root_path + "/"):
        path = path[len(root_path) :]
    client = scope.get("client")
    return build_handshake(
        transport=transport,
        path=path,
        query=scope.get("query_string", b""),
        headers=scope["headers"],
        address=client[0] if client else "",
        scheme=scope.get("scheme", "ws" if transport == "websocket" else "http"),
        subprotocols=scope.get("subprotocols", ()),
    )


def read_query(query: bytes) -> Mapping[str, str]:
    """
    The fields of a query string; the last value of a name wins, and a query of more than 64 fields has none.
    """
    try:
        return dict(
            parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
        )
    except ValueError:
        return {}


def problem_body(status: int, detail: str) -> bytes:
    """
    RFC 9457, for a handshake that is not accepted.
    """
    return msgspec.json.encode({"status": status, "detail": detail})


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in joined:
            # HTTP/2 and proxies may split a Cookie header, which alone is joined by semicolons (RFC 9113 section 8.2.3).
            value = joined[name] + ("; " if name == "cookie" else ", ") + value
        joined[name] = value
    return joined
