"""
Requests to addresses that strangers name. None of them reaches inside: the address that was checked is the one that is connected to.
"""

import ipaddress
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import anyio
import anyio.to_thread
import httpx2 as httpx

from avance.apps.ocr.errors import AddressRefused
from avance.errors import Unavailable

REDIRECTS_MAX = 5
URL_CHARS_MAX = 2_048
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_CARRIERS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""NAT64, and the old form of IPv4 in IPv6; `::1` and `::` stand for `0.0.0.1` and `0.0.0.0` in it, which are no more public."""


def check_url(url: str, allowed: Sequence[str]) -> None:
    """
    What can be said of a URL without asking anybody.

    Raises:
        AddressRefused: It is none of http or https, has credentials, or names an address inside.
    """
    parts = _parts(url)
    name = (parts.hostname or "").rstrip(".")
    address = _literal(name)
    is_inside = (
        not is_public(address)
        if address is not None
        else name == "localhost" or name.endswith((".localhost", ".local", ".internal"))
    )
    if is_inside and not _is_allowed(name, address, allowed):
        raise _inside(url)


def is_public(address: Address) -> bool:
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: Address) -> Address | None:
    """
    The IPv4 address that an IPv6 address stands for, where a gateway would lead to it.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if any(address in network for network in _CARRIERS):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


async def checked_address(host: str, port: int, allowed: Sequence[str]) -> str:
    """
    The address to connect to. Each that the name has is checked, so that none can be chosen later.

    Raises:
        AddressRefused: One is inside.
        Unavailable: The name has none.
    """
    literal = _literal(host)
    if literal is not None:
        found: list[str] = [str(literal)]
    else:
        try:
            infos = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unavailable(f"{host} has no address: {error}", code="ocr_fetch_failed") from error
        found = [str(info[4][0]) for info in infos]
    for one in found:
        address = ipaddress.ip_address(one.partition("%")[0])
        if not is_public(address) and not _is_allowed(host, address, allowed):
            raise AddressRefused(
                f"{host} leads to {address}, which is inside; set OCR_ALLOWED_HOSTS if that is meant",
                host=host,
            )
    return found[0]


@asynccontextmanager
async def request(
    method: str,
    url: str,
    *,
    allowed: Sequence[str],
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    follows: bool = False,
) -> AsyncGenerator[httpx.Response, None]:
    """
    A request whose answer is streamed; all of it within the time.

    Raises:
        AddressRefused, Unavailable: As above; or it does not answer in time.
    """
    try:
        with anyio.fail_after(timeout_s):
            # It loads certificates from the disk, which is nothing for the loop.
            make = partial(
                httpx.AsyncClient, timeout=timeout_s, follow_redirects=False, trust_env=False
            )
            async with await anyio.to_thread.run_sync(make) as client:
                for _ in range(REDIRECTS_MAX + 1):
                    answer = await _send(client, method, url, allowed, headers or {}, body)
                    try:
                        if not (follows and answer.has_redirect_location):
                            yield answer
                            return
                        url = urljoin(url, answer.headers["location"])
                    finally:
                        await answer.aclose()
        raise Unavailable(f"{url} leads on over {REDIRECTS_MAX} times", code="ocr_fetch_failed")
    except (TimeoutError, httpx.HTTPError) as error:
        raise Unavailable(
            f"{_shown(url)} cannot be reached: {type(error).__name__} {error}".strip(),
            code="ocr_fetch_failed",
        ) from error


async def _send(
    client: Any,
    method: str,
    url: str,
    allowed: Sequence[str],
    headers: Mapping[str, str],
    body: bytes | None,
) -> httpx.Response:
    check_url(url, allowed)
    parts = _parts(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = await checked_address(host, port, allowed)
    shown = f"[{address}]" if ":" in address else address
    place = urlunsplit((parts.scheme, f"{shown}:{port}", parts.path or "/", parts.query, ""))
    made = client.build_request(
        method,
        place,
        headers={**headers, "Host": parts.netloc.rpartition("@")[2]},
        content=body,
        # The certificate is checked for the name, though the connection goes to the address.
        extensions={"sni_hostname": host},
    )
    answer: httpx.Response = await client.send(made, stream=True)
    return answer


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused(f"{url[:200]!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise AddressRefused(f"{_shown(url)!r} is no http or https URL")
    if len(url) > URL_CHARS_MAX or parts.username is not None or not url.isprintable():
        raise AddressRefused(
            f"{_shown(url)!r} is too long, or has credentials or control characters in it"
        )
    return parts


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        # 127.1, 0x7f.1 and 2130706433 are addresses to the system as well.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _is_allowed(host: str, address: Address | None, allowed: Sequence[str]) -> bool:
    for one in allowed:
        if one == host:
            return True
        try:
            network = ipaddress.ip_network(one, strict=False)
        except ValueError:
            continue
        if address is not None and address in network:
            return True
    return False


def _inside(url: str) -> AddressRefused:
    return AddressRefused(
        f"{_shown(url)} names an address inside; set OCR_ALLOWED_HOSTS if that is meant"
    )


def _shown(url: str) -> str:
    # A query may hold a token of somebody.
    return url.partition("?")[0][:200]
