"""
Requests to addresses that strangers name. docs/contract/ocr.md, 004-T15.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avance.apps.ocr.errors import AddressRefused
from avance.apps.ocr.outbound import check_url, checked_address, is_public, request
from avance.errors import Unavailable

INSIDE = (
    *("http://127.0.0.1/x", "http://127.1/x", "http://0x7f.1/x", "http://2130706433/x"),
    *("http://0177.0.0.1/", "http://10.0.0.8/", "http://172.16.3.4/", "http://192.168.1.1/"),
    *("http://169.254.169.254/latest/meta-data", "http://100.64.0.1/", "http://0.0.0.0/"),
    *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[fe80::1]/", "http://[fd00::1]/"),
    *("http://[64:ff9b::7f00:1]/", "http://[::127.0.0.1]/", "http://[2002:7f00:1::]/"),
    *("http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://db.internal/"),
    *("http://224.0.0.1/", "http://255.255.255.255/"),
)
NO_URL = (
    *("file:///etc/passwd", "ftp://example.org/x", "gopher://example.org/", "//example.org/x"),
    *(
        "http://user:word@example.org/",
        "http:///x",
        "http://example.org:0/",
        "http://example.org:x/",
    ),
    *("http://example.org/\r\nHost: inside", "http://" + "a" * 3_000),
)


@pytest.mark.parametrize("url", INSIDE)
def test_an_address_inside_is_refused_however_it_is_written(url: str) -> None:
    """004-T15."""
    with pytest.raises(AddressRefused, match="inside"):
        check_url(url, [])


@pytest.mark.parametrize("url", NO_URL)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    """004-T15: other schemes, credentials, control characters."""
    with pytest.raises(AddressRefused):
        check_url(url, ["example.org"])


def test_an_address_inside_that_is_allowed_is_taken() -> None:
    check_url("http://10.1.2.3/x", ["10.1.0.0/16"])
    check_url("http://localhost:9000/x", ["localhost"])
    check_url("https://example.org/x", [])
    with pytest.raises(AddressRefused):
        check_url("http://10.2.2.3/x", ["10.1.0.0/16", "localhost"])


@given(st.ip_addresses(v=4))
def test_what_carries_an_address_is_as_public_as_that(address: ipaddress.IPv4Address) -> None:
    last = int(address)
    carriers = (f"::ffff:{address}", f"64:ff9b::{last >> 16:x}:{last & 0xFFFF:x}")
    for one in carriers:
        assert is_public(ipaddress.ip_address(one)) == is_public(address)
    assert not (is_public(address) and address.is_private)


class Site:
    """
    A server at one address of this machine.
    """

    def __init__(self, address: str, port: int = 0) -> None:
        self.asked: list[tuple[str, str]] = []
        self.leads_to = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers["host"]))
                if outer.leads_to:
                    self.send_response(302)
                    self.send_header("location", outer.leads_to)
                else:
                    self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The test log is not for it."""

        self.server = ThreadingHTTPServer((address, port), Handler)
        self.port = self.server.server_port
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site]]:
    """
    Two addresses, of which a test allows the first.
    """
    first = Site("127.0.0.1")
    second = Site("127.0.0.2", first.port)
    yield first, second
    for one in (first, second):
        one.close()


class Names:
    """
    The resolver of the system, which answers another address each time it is asked.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> None:
        self.asked = 0
        self._answers = answers
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != "turning.example.org":
            return self._real(host, port, *more, **named)
        found = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


async def ask(url: str, allowed: list[str]) -> int:
    async with request("GET", url, allowed=allowed, timeout_s=20, follows=True) as answer:
        return int(answer.status_code)


async def test_a_name_that_turns_after_the_look_leads_nowhere_else(
    sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """004-T15: the address that was checked is the one that is connected to, and the name is looked up once."""
    first, second = sites
    names = Names(monkeypatch, [["127.0.0.1"], ["127.0.0.2"]])
    place = f"turning.example.org:{first.port}"
    assert await ask(f"http://{place}/file", ["127.0.0.1/32"]) == 200
    assert first.asked == [("/file", place)]
    assert second.asked == []
    assert names.asked == 1


async def test_each_address_of_a_name_is_checked(
    sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """004-T15: one public address does not cover another that is inside."""
    first, second = sites
    Names(monkeypatch, [["127.0.0.1", "127.0.0.2"]])
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.2"):
        await ask(f"http://turning.example.org:{first.port}/", ["127.0.0.1/32"])
    assert first.asked == second.asked == []


async def test_where_a_redirect_leads_is_checked_again(sites: tuple[Site, Site]) -> None:
    """004-T15: refused, and the other was never asked; also no other scheme, and no endless way."""
    first, second = sites
    url = f"http://127.0.0.1:{first.port}/file"
    allowed = ["127.0.0.1/32"]
    for place in (f"http://127.0.0.2:{first.port}/secret", "file:///etc/passwd"):
        first.leads_to = place
        with pytest.raises(AddressRefused):
            await ask(url, allowed)
    first.leads_to = url
    with pytest.raises(Unavailable, match="leads on"):
        await ask(url, allowed)
    assert second.asked == []


async def test_a_name_without_an_address_is_told() -> None:
    with pytest.raises(Unavailable, match="no address"):
        await checked_address("nothing.invalid", 80, [])
