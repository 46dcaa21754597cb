"""
Two users in two real browsers against a real server: docs/contract/notices.md.
"""

import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE_S = 90.0 * float(os.environ.get("AVANCE_TEST_TIMEOUT_FACTOR", "1"))
SCRIPT = ROOT / "src/avance/apps/retail/static/websocket-notifications.js"


def test_the_shipped_script_parses_without_a_bundler() -> None:
    """
    002-T11, 002-24: what is served is what is tested; it is a plain script.
    """
    subprocess.run(["node", "--check", SCRIPT], check=True, timeout=PATIENCE_S)
    text = SCRIPT.read_text("utf-8")
    assert "import " not in text.split("*/", 1)[1].split("\n", 1)[0]
    for unsafe in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert unsafe not in text, "what a sender wrote never becomes markup or code"


@pytest.mark.timeout(180)
def test_two_users_in_two_browsers_offline_and_back(serve: Any, drive: Any) -> None:
    """
    002-21, 002-22, 002-23, 002-25, 002-26, 002-27, 002-28, 002-29, 002-46, 002-T1, 002-T2, 002-T11, 002-T12, 002-T13, 002-T17.
    """
    server = serve("serve")
    port = int(server.url.rsplit(":", 1)[1])
    told = drive(
        "notices.mjs",
        server.url,
        answers={"stop": server.stop, "start": lambda: server.start(port)},
    )
    assert set(told["sockets"]) == {"/ws/notifications"}
    assert "Stock bajo" in told["toast"]
    assert "Producto A stock es bajo" in told["toast"]
    assert told["colour"] == "rgb(239, 68, 68)"
    assert (told["foreign_toasts"], told["toasts_of_two"]) == (0, 1)
    assert told["counter"] == "5"
    assert told["toasts_of_the_second_tab"] == 0
    assert told["stored"] == {"count": "4", "newest": 5}
    assert told["undefined"] is False
    assert told["grey"] == "grayscale(1)"
    assert told["attempts"] >= 30
    assert told["safe"] == "wss://shop.example/ws/notifications?user_id=1"
    assert "Back again" in told["component"]
    assert (told["listed_elsewhere"], told["toasts_elsewhere"]) == (5, 0)
    assert (told["crafted"], told["made"], told["pwned"]) == (True, 0, None)
    assert told["toasts_behind"] == 0
    assert told["left_open"] is False
    assert (told["errors"], told["violations"]) == ([], [])


KEY = "key-of-ana-0123456789"


@pytest.mark.timeout(120)
def test_a_page_in_token_mode_fetches_a_token_before_each_connection(
    serve: Any, drive: Any
) -> None:
    """
    002-02, 002-21, 002-T6: tokens end soon, pages stay open; the token is in no address.
    """
    url = serve("serve", environment={"AVANCE_AUTH": "token", "AVANCE_API_KEYS": f"{KEY}=ana"}).url
    request = urllib.request.Request(
        f"{url}/v1/inbox",
        data=b'{"user":"ana","title":"Stock bajo"}',
        headers={"X-API-Key": KEY, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    assert drive("notices_token.mjs", url, KEY) == {
        "errors": [],
        "first": "Stock bajo",
        "foreign": [],
        "is_asked_again": True,
        "url": f"{url.replace('http', 'ws')}/ws/notifications?user_id=ana",
    }
