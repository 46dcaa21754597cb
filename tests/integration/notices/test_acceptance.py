"""
Whether the named tests and the checklist of the contract are there: docs/contract/notices.md 2.5. The numbers are in benchmarks/results.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
ENDPOINT = {
    f"test_websocket_{name}"
    for name in (
        "connect",
        "auth_required",
        "send_notification",
        "mark_read",
        "unread_count",
        "multiple_connections",
        "reconnect",
        "performance",
    )
}
BROADCASTS = {
    "test_broadcast_single_user",
    "test_broadcast_multiple_users",
    "test_broadcast_disconnected_client",
}
INTEGRATION = BROADCASTS | {
    "test_unread_count_sync",
    "test_notification_delivery_confirmation",
    "test_websocket_manager_performance",
}
CLASSES = {
    "TestWebSocketEndpoint": {
        "test_websocket_connect_requires_auth",
        "test_websocket_connect_success",
        "test_websocket_send_notification",
        "test_websocket_mark_read",
    },
    "TestWebSocketManager": BROADCASTS,
    "TestIntegration": {
        "test_notification_flow_end_to_end",
        "test_multiple_concurrent_connections",
    },
}


def trees() -> Iterator[ast.Module]:
    for name in ("test_endpoint.py", "test_manager.py"):
        yield ast.parse((HERE / name).read_text("utf-8"))


def named_in(body: list[ast.stmt]) -> dict[str, ast.AsyncFunctionDef]:
    return {
        node.name: node
        for node in body
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_the_eighteen_named_tests_are_there_and_none_is_excused() -> None:
    """
    002-40, 002-41, 002-42, 002-T20, decision 13: fourteen functions, nine methods, eighteen names; no skip, no mock.
    """
    functions: dict[str, ast.AsyncFunctionDef] = {}
    methods: dict[str, dict[str, ast.AsyncFunctionDef]] = {}
    for tree in trees():
        functions |= named_in(tree.body)
        methods |= {
            node.name: named_in(node.body) for node in tree.body if isinstance(node, ast.ClassDef)
        }
        imported = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for name in node.names
        } | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in imported if "mock" in name}
    assert functions.keys() >= ENDPOINT | INTEGRATION
    assert len(ENDPOINT | INTEGRATION) == 14
    for name, wanted in CLASSES.items():
        assert wanted == methods[name].keys()
    assert len((ENDPOINT | INTEGRATION).union(*CLASSES.values())) == 18
    everything = [
        *functions.values(),
        *(one for found in methods.values() for one in found.values()),
    ]
    assert not [one.name for one in everything if one.decorator_list]


def test_the_checklist_is_run_by_browsers_and_can_be_followed_by_hand() -> None:
    """
    002-44: what 002-26 to 002-29 ask is tried in real browsers, and written down in both languages with the frames and the schema.
    """
    browsers = (ROOT / "tests/e2e/test_notices.py").read_text("utf-8")
    for number in (26, 27, 28, 29):
        assert f"002-{number}" in browsers
    for language, checklist in (("en", "## Check it by hand"), ("es", "## Comprobarlo a mano")):
        page = (ROOT / f"docs/{language}/howto/notices.md").read_text("utf-8")
        steps = page.partition(checklist)[2]
        assert [f"\n{number}. " in steps for number in (1, 2, 3, 4)] == [True] * 4
        for word in (
            "auth_success",
            "auth_failed",
            "unread_count",
            "mark_read",
            "notification_read",
            "pong",
            "rate_limited",
            "4408",
            "4429",
            "/asyncapi.json",
            "benchmarks.notices",
        ):
            assert word in page, (language, word)
