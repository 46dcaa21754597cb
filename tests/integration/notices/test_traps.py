"""
Where earlier implementations failed: docs/contract/notices.md section 4.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeAlias

import pytest
from jsonschema import Draft202012Validator

from avance.cli.logs import set_up_logs

from .conftest import EXAMPLE, Build, Built, Site

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]


async def test_a_user_reads_marks_and_deletes_own_rows_alone(
    token_mode: Built, serving: Serving
) -> None:
    """
    002-T5, 002-35, 002-37: every call and every frame with a foreign id, and with a foreign user_id; nothing changes.
    """
    async with serving(token_mode) as site:
        theirs = (await site.notify(user_id=2))["notification_id"]
        before = await site.host.inbox("2").list()

        async def answer(method: str, path: str, **more: object) -> int:
            headers = {"X-API-Key": "key-1"}
            said = await site.client.request(method, path, headers=headers, **more)
            return said.status_code

        one = f"/api/notifications/{theirs}"
        for method, path in (
            ("GET", one),
            ("POST", f"{one}/read"),
            ("PUT", f"{one}/mark-as-read?read=true"),
            ("PUT", f"{one}/mark-as-read?read=false"),
            ("DELETE", one),
            ("GET", f"/v1/inbox/{theirs}"),
            ("GET", f"/v1/inbox/{theirs}/deliveries"),
        ):
            assert await answer(method, path) == 404, path
        for method, path in (
            ("GET", "/api/notifications"),
            ("POST", "/api/notifications/read-all"),
            ("DELETE", "/api/notifications"),
            ("POST", f"{one}/read"),
            ("GET", "/api/notification-preferences"),
            ("PUT", "/api/notification-preferences"),
        ):
            assert await answer(method, f"{path}?user_id=2") == 403, path
        for method in ("GET", "POST"):
            path = "/api/notifications/preferences/2"
            assert await answer(method, path, json={"frequency": "instant"}) == 403
        assert await answer("POST", "/api/notifications/send", json=EXAMPLE) == 403
        await site.call("POST", "/api/notifications/read-all", json={"up_to": theirs})
        await site.call("DELETE", "/api/notifications")
        for op in ("read", "seen", "archive", "delete"):
            said = await site.call("POST", f"/v1/inbox/{op}", json={"ids": [theirs]})
            assert said["changed"] == 0
        async with site.tab_of("1") as tab:
            await tab.greeted()
            for frame in ("mark_read", "ack"):
                await tab.send(type=frame, notification_id=theirs)
                error = await tab.next()
                assert (error["type"], error["code"]) == ("error", "not_found")
        for frame in ("mark_read", "pong", "ack", "ping", "get_unread_count"):
            async with site.tab_of("1") as tab:
                await tab.greeted()
                await tab.send(type=frame, notification_id=theirs, user_id=2)
                frames, code = await tab.closed()
                assert ([one["code"] for one in frames], code) == (["forbidden"], 1008)
        for query in ("?api_key=key-1&user_id=2", f"?token={site.host.token('1')}&user_id=2"):
            async with site.tab(query) as tab:
                frames, code = await tab.closed()
                assert ([one["type"] for one in frames], code) == (["auth_failed"], 1008)
        async with site.tab_of("1") as tab:
            await tab.greeted()
            await tab.send(type="auth", user_id=2, api_key="key-1")
            frames, code = await tab.closed()
            assert ([one["type"] for one in frames], code) == (["auth_failed"], 1008)
        assert await site.host.inbox("2").list() == before


async def test_an_admin_may_act_for_another_user(token_mode: Built, serving: Serving) -> None:
    """settled: in token mode a user_id that differs from the caller's is refused unless the caller is admin."""
    async with serving(token_mode) as site:
        await site.notify(user_id=2)
        async with site.tab("?api_key=key-root&user_id=2") as tab:
            assert await tab.greeted() == 1
        path = "/api/notifications/preferences/2"
        said = await site.call("POST", path, key="key-root", json={"frequency": "digest_daily"})
        assert said["frequency"] == "digest_daily"
        assert await site.call("GET", "/api/notification-preferences", key="key-2") == said


async def test_without_credentials_nothing_is_answered(token_mode: Built, serving: Serving) -> None:
    """3.2, 002-T7: 401 on every route, also with the development key."""
    async with serving(token_mode) as site:
        paths = site.host.engine.http().openapi()["paths"]
        ours = [
            (method.upper(), path)
            for path, methods in paths.items()
            for method in methods
            if path.startswith(("/api/notification", "/api/retail", "/v1/inbox"))
        ]
        assert len(ours) > 25
        for method, path in ours:
            for headers in ({}, {"X-API-Key": "dev"}):
                said = await site.client.request(
                    method, path.replace("{", "").replace("}", ""), headers=headers
                )
                assert said.status_code == 401, (method, path)
                assert "detail" in said.json()


async def test_credentials_reach_no_log(
    token_mode: Built,
    serving: Serving,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """002-T6"""
    caplog.set_level(logging.DEBUG)
    for client in ("httpx", "httpx2", "httpcore", "httpcore2", "websockets.client"):
        caplog.set_level(logging.ERROR, logger=client)
    root = logging.getLogger()
    handlers = list(root.handlers)
    set_up_logs(token_mode.host.settings)
    try:
        async with serving(token_mode) as site:
            token = site.host.token("1", ttl_s=60)
            for query in (f"?token={token}", "?api_key=key-1", "?api_key=wrong-secret"):
                async with site.tab(query) as tab:
                    await tab.next()
            await site.call("GET", f"/api/notifications?token={token}")
    finally:
        for handler in root.handlers[:]:
            if handler not in handlers:
                root.removeHandler(handler)
    ours = "".join(record.getMessage() for record in caplog.records)
    out, err = capfd.readouterr()
    for secret in (token, "key-1", "wrong-secret"):
        assert secret not in out + err
        assert secret not in ours


async def test_preferences_are_a_closed_list(token_mode: Built, serving: Serving) -> None:
    """002-T9"""
    async with serving(token_mode) as site:
        before = await site.call("GET", "/api/notification-preferences")
        for crafted in (
            {"frequency": "hourly"},
            {"types": ["inventory", "secrets"]},
            {"channels": ["pigeon"]},
            {"priority_filter": 1},
            {"quiet_hours_start": "25:00"},
            {"time_zone": "Mars/Olympus"},
            {"email": "a@b.example\r\nBcc: all@b.example"},
            {"muted": []},
            {"user_id; DROP TABLE notices": 1},
            {"frequency": "instant", "__proto__": {}},
        ):
            for method, path in (
                ("PUT", "/api/notification-preferences"),
                ("POST", "/api/notifications/preferences/1"),
            ):
                said = await site.client.request(
                    method, path, json=crafted, headers={"X-API-Key": "key-1"}
                )
                assert said.status_code == 400, crafted
        assert await site.call("GET", "/api/notification-preferences") == before


async def test_preferences_as_the_contract_has_them(token_mode: Built, serving: Serving) -> None:
    """3.3: the defaults, a partial change, and the flags."""
    async with serving(token_mode) as site:
        path = "/api/notification-preferences"
        assert await site.call("GET", path) == {
            "channels": ["email", "sms", "push", "websocket"],
            "types": ["inventory", "sales", "alerts", "system"],
            "priority_filter": "all",
            "quiet_hours_enabled": False,
            "quiet_hours_start": "22:00",
            "quiet_hours_end": "07:00",
            "time_zone": "UTC",
            "frequency": "instant",
            "email": None,
            "phone": None,
        }
        changed = await site.call(
            "PUT",
            path,
            json={"priority_filter": "high", "time_zone": "Europe/Madrid", "email": "a@b.example"},
        )
        assert (changed["priority_filter"], changed["frequency"]) == ("high", "instant")
        flags = {
            "email_enabled": False,
            "stock_alerts": False,
            "order_alerts": False,
            "system_alerts": True,
        }
        changed = await site.call("PUT", path, json=flags)
        assert changed["channels"] == ["sms", "push", "websocket"]
        assert changed["types"] == ["alerts", "system"]
        assert await site.call("GET", "/api/notifications/preferences/1") == changed
        said = await site.notify()
        assert said == {"success": True, "notification_id": None, "channels_sent": [], "errors": []}


async def test_unknown_words_are_refused_with_400(token_mode: Built, serving: Serving) -> None:
    """3.2"""
    async with serving(token_mode) as site:
        for wrong in (
            {"notification_type": "gossip"},
            {"priority": "urgent"},
            {"channels": ["pigeon"]},
            {"channels": ""},
            {"subject": None},
            {"user_id": None},
        ):
            said = await site.client.post(
                "/api/notifications/send",
                json={**EXAMPLE, **wrong},
                headers={"X-API-Key": "key-mail"},
            )
            assert said.status_code == 400, wrong
            assert said.json()["detail"]
        for query in (
            "status=some",
            "page=0",
            "per_page=101",
            "limit=x",
            "offset=-1",
            "unread_only=maybe",
        ):
            said = await site.client.get(
                f"/api/notifications?{query}", headers={"X-API-Key": "key-1"}
            )
            assert said.status_code == 400, query


async def test_lists_page_by_page_and_by_offset(token_mode: Built, serving: Serving) -> None:
    """3.2, settled: `total` counts what the filter selects; newest first."""
    async with serving(token_mode) as site:
        for number in range(7):
            await site.notify(subject=str(number))
        first = await site.call("GET", "/api/notifications?page=2&per_page=3")
        assert [one["subject"] for one in first["notifications"]] == ["3", "2", "1"]
        assert first["pagination"] == {
            "current_page": 2,
            "total_pages": 3,
            "total_items": 7,
            "per_page": 3,
        }
        same = await site.call("GET", "/api/notifications?limit=3&offset=3")
        assert same["notifications"] == first["notifications"]
        assert (same["limit"], same["offset"], same["total_returned"]) == (3, 3, 3)
        await site.call(
            "POST", f"/api/notifications/{first['notifications'][0]['notification_id']}/read"
        )
        unread = await site.call("GET", "/api/notifications?unread_only=true&limit=2")
        assert (unread["total"], unread["unread_count"], unread["total_returned"]) == (6, 6, 2)
        read = await site.call("GET", "/api/notifications?status=read")
        assert [one["status"] for one in read["notifications"]] == ["read"]
        assert list(read["notifications"][0]) == [
            "notification_id",
            "user_id",
            "notification_type",
            "priority",
            "subject",
            "message",
            "data",
            "status",
            "channels",
            "created_at",
            "read_at",
        ]


async def test_an_idempotency_key_makes_a_repeated_send_one_notification(
    token_mode: Built, serving: Serving
) -> None:
    """settled"""
    async with serving(token_mode) as site:
        headers = {"X-API-Key": "key-mail", "Idempotency-Key": "k1"}
        answers = [
            (
                await site.client.post("/api/notifications/send", json=EXAMPLE, headers=headers)
            ).json()
            for _ in range(3)
        ]
        assert len({answer["notification_id"] for answer in answers}) == 1
        assert (await site.call("GET", "/api/notifications"))["total"] == 1


async def test_malformed_frames_are_answered_and_never_fatal(
    token_mode: Built, serving: Serving
) -> None:
    """README, fidelity; a frame over 64 KiB closes with 1009."""
    async with serving(token_mode) as site, site.tab_of("1") as tab:
        await tab.greeted()
        for malformed in (
            "?",
            "[]",
            '{"type":"shout"}',
            '{"type":"mark_read","notification_id":"1"}',
        ):
            await tab.connection.send(malformed)
            error = await tab.next()
            assert (error["type"], error["code"]) == ("error", "bad_message")
        await tab.nothing_more()
        await tab.send(type="pong", filler="x" * 70_000)
        assert (await tab.closed())[1] == 1009


async def test_one_who_floods_is_closed_and_others_go_on(
    token_mode: Built, serving: Serving
) -> None:
    """002-38, 002-T19"""
    async with serving(token_mode) as site, site.tab_of("1") as loud, site.tab_of("2") as other:
        await loud.greeted()
        await other.greeted()
        for _ in range(100):
            await loud.send(type="ping")
        frames = [await loud.next() for _ in range(100)]
        assert {frame["code"] for frame in frames if frame["type"] == "error"} == {"rate_limited"}
        for _ in range(400):
            await loud.send(type="ping")
        assert (await loud.closed())[1] == 4429
        number = (await site.notify(user_id=2))["notification_id"]
        assert (await other.next())["notification_id"] == number


async def test_at_most_fifty_missed_are_pushed_the_newest_of_them(
    token_mode: Built, serving: Serving
) -> None:
    """decision 9"""
    async with serving(token_mode) as site:
        for number in range(60):
            await site.host.notify("1", str(number), kind="order_ready")
        async with site.tab_of("1") as tab:
            assert await tab.greeted() == 60
            missed = [(await tab.next())["subject"] for _ in range(50)]
            assert missed == [str(number) for number in range(10, 60)]
            await tab.nothing_more()


async def test_a_hundred_tabs_of_one_user_agree(token_mode: Built, serving: Serving) -> None:
    """002-T18: and an older count never follows a newer one."""
    async with serving(token_mode) as site, AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(site.tab_of("1")) for _ in range(100)]
        for tab in tabs:
            await tab.greeted()
        numbers = [(await site.notify())["notification_id"] for _ in range(5)]
        await tabs[50].send(type="mark_read", notification_id=numbers[2])
        await tabs[99].send(type="mark_read", notification_id=numbers[4])
        for tab in tabs:
            versions = []
            while not versions or versions[-1] < 7:
                frame = await tab.until("unread_count")
                versions.append(frame["version"])
            assert versions == sorted(set(versions))
            assert frame["count"] == 3


async def test_switching_the_user_in_open_mode_shows_the_other_inbox_alone(
    open_mode: Built, serving: Serving
) -> None:
    """decision 2: in open mode the key `dev` may name any user_id; a wrong key is refused even there."""
    async with serving(open_mode) as site, site.tab() as tab:
        await tab.greeted()
        for user in ("1", "2", "1"):
            await tab.send(type="auth", user_id=user, api_key="dev")
            assert (await tab.until("auth_success"))["user_id"] == int(user)
            await tab.until("unread_count")
        number = (await site.notify(user_id=1))["notification_id"]
        await site.notify(user_id=2)
        assert (await tab.until("notification"))["notification_id"] == number
        await tab.until("unread_count")
        await tab.nothing_more()
        await tab.send(type="auth", user_id=1, api_key="wrong")
        frames, code = await tab.closed()
        assert ([one["type"] for one in frames], code) == (["auth_failed"], 1008)


@pytest.fixture
def more_kinds(build: Build) -> Built:
    return build(retail__kinds=("gossip",))


async def test_a_deployment_may_register_more_kinds(more_kinds: Built, serving: Serving) -> None:
    """3.1: registered kinds belong to the type `alerts`."""
    async with serving(more_kinds) as site:
        assert (await site.notify(notification_type="gossip"))["notification_id"]
        await site.call("PUT", "/api/notification-preferences", json={"types": ["inventory"]})
        assert (await site.notify(notification_type="gossip"))["notification_id"] is None


async def test_the_socket_is_described_frame_by_frame(token_mode: Built, serving: Serving) -> None:
    """002-44, decision 14, I3: AsyncAPI has the schema of every frame, and OpenAPI every route."""
    async with serving(token_mode) as site:
        document = await site.call("GET", "/asyncapi.json")
        (channel,) = [
            one for one in document["channels"].values() if one["address"] == "/ws/notifications"
        ]
        names = {name.lower() for name in channel["messages"]}
        assert {"auth", "authsuccess", "markread", "notification", "unreadcount", "ack"} <= names
        paths = (await site.call("GET", "/openapi.json"))["paths"]
        listing = paths["/api/notifications"]["get"]
        assert "/asyncapi.json" in listing.get("description", "") + listing["summary"]
        assert "/api/notifications/send" in paths
        assert "/v1/inbox" in paths


def payload_of(document: Mapping[str, Any], message: str) -> dict[str, Any]:
    """
    The schema of a message.
    """
    described = document["components"]["messages"]
    named = next(name for name in described if name.rpartition("/")[2] == message)
    payload: dict[str, Any] = described[named]["payload"]
    while "$ref" in payload:
        payload = document["components"]["schemas"][payload["$ref"].rpartition("/")[2]]
    return payload


async def test_every_frame_on_the_wire_is_as_the_schema_says(
    token_mode: Built, serving: Serving
) -> None:
    """
    README I3, 002-44: what a session says and hears, and the examples of the contract, checked against `/asyncapi.json`.
    """
    async with serving(token_mode) as site:
        await site.notify(data={"sku": "A"})
        document = await site.call("GET", "/asyncapi.json")
        async with site.tab_of("1") as tab:
            frames = [await tab.next() for _ in range(3)]
            number = frames[2]["notification_id"]
            for frame in (
                {"type": "ping"},
                {"type": "mark_read", "notification_id": number},
                {"type": "mark_read", "notification_id": 10**9},
                {"type": "get_unread_count"},
            ):
                await tab.send(**frame)
            frames += [await tab.next() for _ in range(5)]
            await tab.send(type="auth", api_key="wrong")
            frames += (await tab.closed())[0]
    frames += [{"type": "ping"}]
    seen = {frame["type"] for frame in frames}
    assert seen == {
        "auth_success",
        "auth_failed",
        "notification",
        "unread_count",
        "notification_read",
        "error",
        "ping",
        "pong",
    }
    (name,) = [
        key for key, one in document["channels"].items() if one["address"] == "/ws/notifications"
    ]
    said = [
        {"type": "auth", "user_id": 1, "api_key": "dev"},
        {"type": "mark_read", "notification_id": 12345},
        {"type": "pong"},
        {"type": "ack", "notification_id": 1},
    ]
    for direction, those in (("send", frames), ("receive", said)):
        channel = document["channels"][name]["messages"]
        allowed = [
            channel[one["$ref"].rpartition("/")[2]]["$ref"].rpartition("/")[2]
            for one in document["operations"][f"{direction}_{name}"]["messages"]
        ]
        for frame in those:
            schemas = [
                schema
                for schema in (payload_of(document, one) for one in allowed)
                if schema["properties"]["type"]["enum"] == [frame["type"]]
            ]
            assert len(schemas) == 1, frame
            assert frame.keys() <= schemas[0]["properties"].keys(), frame
            whole = {**schemas[0], "components": document["components"]}
            Draft202012Validator(whole).validate(frame)
