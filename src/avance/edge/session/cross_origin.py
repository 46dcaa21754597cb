"""
Which pages may use the HTTP side of the protocol, in the words of CORS.
"""

from collections.abc import Mapping

from starlette.types import Scope

from avance.edge.http.origin import OriginRules
from avance.edge.http.scope import header

Headers = tuple[tuple[bytes, bytes], ...]

_PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, authorization, x-api-key"),
    (b"access-control-max-age", b"300"),
)


def is_foreign(rules: OriginRules, headers: Mapping[str, str], address: str) -> str | None:
    """
    Why this request is refused, or None.
    """
    host, origin = headers.get("host"), headers.get("origin")
    if not rules.allows_peer(address):
        return f"in open mode this server answers to its own machine only, not to {address}"
    if not rules.allows_host(host):
        return f"this server does not answer to the name {host!r}"
    # Programs send no Origin; only a browser tells whose page is calling, and a page cannot leave it out.
    if origin is not None and not rules.allows_origin(origin, host):
        return f"pages of {origin} may not connect here"
    return None


def shared_with(rules: OriginRules, scope: Scope) -> Headers:
    """
    The headers with which the calling page may read the answer.
    """
    origin = header(scope, "origin")
    if origin is None or not rules.allows_origin(origin, header(scope, "host")):
        return ()
    return (
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"origin"),
    )


def preflight(rules: OriginRules, scope: Scope) -> Headers:
    """
    The answer to a browser that asks before it calls.
    """
    shared = shared_with(rules, scope)
    return (*shared, *_PREFLIGHT) if shared else ()
