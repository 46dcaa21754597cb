import pytest

from avance.edge.http import OriginRules
from avance.edge.http.origin import host_name, is_loopback

TOKEN = OriginRules(is_open=False, origins=("https://app.example",))
OPEN = OriginRules(is_open=True, origins=("https://app.example",), hosts=("nas.local",))


@pytest.mark.parametrize(
    ("rules", "origin", "host", "is_allowed"),
    [
        (TOKEN, "https://app.example", "api.example", True),
        (TOKEN, "https://api.example", "api.example", True),
        (TOKEN, "https://API.example", "api.EXAMPLE", True),
        (TOKEN, "http://api.example:8030", "api.example:8030", True),
        (TOKEN, "http://api.example:8031", "api.example:8030", False),
        (TOKEN, "https://evil.example", "api.example", False),
        (TOKEN, "https://api.example.evil.example", "api.example", False),
        (TOKEN, "http://localhost:3000", "api.example", False),
        (TOKEN, "https://app.example.", "api.example", False),
        (TOKEN, "null", "api.example", False),
        (TOKEN, "null", "null", False),
        (TOKEN, "", "", False),
        (TOKEN, "https://", "", False),
        (TOKEN, "chrome-extension://api.example", "api.example", False),
        (TOKEN, "https://user@api.example", "api.example", False),
        (TOKEN, "https://[::1", "api.example", False),
        (OPEN, "http://localhost:3000", "127.0.0.1:8030", True),
        (OPEN, "http://[::1]:3000", "127.0.0.1:8030", True),
        (OPEN, "http://127.1:3000", "127.0.0.1:8030", False),
        (OPEN, "http://localhost.:3000", "127.0.0.1:8030", True),
        (OPEN, "http://localhost.evil.example", "127.0.0.1:8030", False),
        (OriginRules(is_open=False, origins=("*",)), "https://any.example", "x", True),
        (OriginRules(is_open=True, origins=("*",)), "https://any.example", "x", False),
    ],
)
def test_an_origin_is_allowed_by_list_by_place_or_on_loopback(
    rules: OriginRules, origin: str, host: str, is_allowed: bool
) -> None:
    assert rules.allows_origin(origin, host) is is_allowed


@pytest.mark.parametrize(
    ("rules", "host", "is_allowed"),
    [
        (TOKEN, "anything", True),
        (TOKEN, None, True),
        (OPEN, "localhost:8030", True),
        (OPEN, "NAS.local:8030", True),
        (OPEN, "nas.local.evil.example", False),
        (OPEN, None, False),
        (OPEN, "localhost:8030#x", False),
        (OPEN, "localhost\\@evil.example", False),
        (OPEN, "localhost:99999", False),
    ],
)
def test_in_open_mode_only_known_names_are_answered(
    rules: OriginRules, host: str | None, is_allowed: bool
) -> None:
    assert rules.allows_host(host) is is_allowed


def test_names_are_read_out_of_a_host_header() -> None:
    assert host_name("LOCALHOST:8030") == "localhost"
    assert host_name("[::1]:8030") == "::1"
    assert host_name("a/b") is None


@pytest.mark.parametrize(
    ("name", "is_here"),
    [
        ("localhost", True),
        ("x.localhost", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("notlocalhost", False),
        ("0.0.0.0", False),
        ("127.0.0.1.nip.io", False),
        ("2130706433", False),
    ],
)
def test_loopback_is_what_can_only_mean_this_machine(name: str, is_here: bool) -> None:
    assert is_loopback(name) is is_here
