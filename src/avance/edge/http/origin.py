"""
Which web pages may talk to this server.

Browsers attach nothing of ours by themselves, so in token mode a foreign page can do nothing. In open mode being able to send
a request is enough: there a page must come from here, from loopback or from a listed origin, and the name by which the server is
called must be one that nobody else can point at this machine (DNS rebinding).
"""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from avance.errors import PermissionDenied

ANY = "*"
_ADDRESS_MAX = 64
"""Longer than any address, with its zone."""


class OriginRules(msgspec.Struct, frozen=True, kw_only=True):
    is_open: bool
    origins: tuple[str, ...] = ()
    """Further origins whose pages may call, such as `https://app.example.com`; `*` is every one, in token mode only."""
    hosts: tuple[str, ...] = ()
    """In open mode, names beside loopback by which this server may be called; `*` is any."""

    def allows_origin(
        self, origin: str, host: str | None, *, is_secure: bool | None = None
    ) -> bool:
        """
        Whether a page of this origin may call a server that was reached as `host` (the Host header).
        """
        if origin in self.origins or (ANY in self.origins and not self.is_open):
            return True
        parts = _split(origin)
        if parts is None:
            return False
        scheme, name, netloc = parts
        if scheme not in ("http", "https"):
            return False
        if self.is_open and is_loopback(name):
            return True
        is_same_scheme = is_secure is None or scheme == ("https" if is_secure else "http")
        return host is not None and netloc == host.lower() and is_same_scheme

    def allows_host(self, host: str | None) -> bool:
        """
        Whether the server may be called by this name.
        """
        if not self.is_open or ANY in self.hosts:
            return True
        name = host_name(host or "")
        return name is not None and (is_loopback(name) or name in self.hosts)

    def allows_peer(self, address: str) -> bool:
        """
        Whether a connection may come from this address. In open mode it must be from this machine, also inside somebody else's
        app, whose server may listen anywhere; who lists hosts has decided otherwise. Names (a test client) and none (a Unix
        socket) do not come from a network.
        """
        if not self.is_open or self.hosts:
            return True
        found = _address(address)
        return found is None or found.is_loopback

    def check(
        self,
        method: str,
        *,
        peer: str,
        host: str | None,
        origin: str | None,
        fetch_site: str | None,
    ) -> None:
        """
        Refuse an HTTP request that somebody on the network, or a foreign page, may have caused.

        Raises:
            PermissionDenied: With the code `peer_refused`, `host_refused` or `origin_refused`.
        """
        if not self.is_open:
            return
        if not self.allows_peer(peer):
            raise PermissionDenied(
                f"in open mode the server answers to this machine only, not to {peer}; use token mode, or list the names by which others call it in AVANCE_HOSTS",
                code="peer_refused",
            )
        if not self.allows_host(host):
            raise PermissionDenied(
                f"in open mode the server answers to loopback names only, not to {host!r}; list the name in AVANCE_HOSTS, or use token mode",
                code="host_refused",
            )
        if method in ("GET", "HEAD", "OPTIONS"):
            return
        is_foreign = origin is None and fetch_site in ("cross-site", "same-site")
        if is_foreign or (origin is not None and not self.allows_origin(origin, host)):
            raise PermissionDenied(
                f"a page of {origin or 'another site'} may not change anything here; list its origin in AVANCE_ORIGINS",
                code="origin_refused",
            )


def host_name(host: str) -> str | None:
    """
    The name in a Host header, without port, in lower case; None where it is not one.
    """
    parts = _split("//" + host)
    return None if parts is None or parts[2] != host.lower() else parts[1]


def is_loopback(name: str) -> bool:
    """
    Whether a name or address can only mean this machine.
    """
    found = _address(name)
    if found is not None:
        return found.is_loopback
    return name == "localhost" or name.endswith(".localhost")


@lru_cache(maxsize=1024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if len(text) > _ADDRESS_MAX:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return found if mapped is None else mapped


def _split(url: str) -> tuple[str, str, str] | None:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        _ = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme.lower(), parts.hostname.removesuffix("."), parts.netloc.lower()
