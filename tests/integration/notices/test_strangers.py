"""
A user who tries everything on what is another's: every route that OpenAPI names and every frame that AsyncAPI names, so that a new one is
tried without anybody thinking of it. docs/contract/notices.md 002-37, 002-35, 002-T5, README I4.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeAlias

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from avance import Avance
from avance.notify.operations import Op
from avance.storage import Rows

from .conftest import EXAMPLE, Build, Built, Site

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]
pytestmark = pytest.mark.timeout(90)
OURS = ("/api/notification", "/v1/inbox")
SECRET = "only-for-two"
TABLES = (
    "notices",
    "notice_counts",
    "notice_deliveries",
    "notice_preferences",
    "push_subscriptions",
)
# What a path may name. A parameter that is not here fails the test: say what a stranger would try with it.
PATHS: Mapping[str, Callable[[int], tuple[str, ...]]] = {
    "id": lambda theirs: (str(theirs),),
    "user_id": lambda _: ("2",),
    "op": lambda _: tuple(Op),
}


@pytest.fixture
def pushing(build: Build) -> Built:
    return build(
        notify__vapid_private_key="hCQQzWRaNOnGmXRhrEe9gVLj-yxTMTkEiPPaBuRpqjI",
        notify__push_hosts="127.0.0.1",
    )


async def everything_of(host: Avance, user: str) -> list[Any]:
    """
    Every row that is a user's.
    """

    def read(rows: Rows) -> list[Any]:
        return [
            [tuple(row) for row in rows.all(f"SELECT * FROM {table} WHERE user_id = ?", user)]
            for table in TABLES
        ]

    return await host.records.read(read)


async def set_up(site: Site) -> int:
    """
    Something of everything for user 2.
    """
    said = await site.notify(user_id=2, subject=SECRET, message=SECRET, channels="in_app,email")
    await site.notify(user_id=2, subject=SECRET)
    await site.call(
        "PUT",
        "/api/notification-preferences",
        key="key-2",
        json={"email": f"{SECRET}@shop.example", "frequency": "digest_daily"},
    )
    browser = {"p256dh": "B" * 87, "auth": "A" * 22}
    subscribed = await site.client.post(
        "/v1/inbox/push",
        json={"endpoint": f"http://127.0.0.1/{SECRET}", "keys": browser},
        headers={"X-API-Key": "key-2"},
    )
    assert subscribed.status_code == 204, subscribed.text
    return int(said["notification_id"])


def routes(document: Mapping[str, Any], theirs: int) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        if not path.startswith(OURS):
            continue
        for method in methods:
            filled = [path]
            for name in PATHS.keys() | _parameters(path):
                filled = [
                    one.replace(f"{{{name}}}", value)
                    for one in filled
                    for value in PATHS[name](theirs)
                ]
            for one in dict.fromkeys(filled):
                yield method.upper(), one


def _parameters(path: str) -> set[str]:
    return {part.partition("}")[0] for part in path.split("{")[1:]}


def bodies(theirs: int) -> Iterator[dict[str, Any] | None]:
    """
    Each names the other user, or what is the other's, in every way that some route understands.
    """
    yield None
    yield {"user_id": 2, "up_to": theirs + 100}
    yield {"ids": [theirs], "until": "2100-01-01T00:00:00Z"}
    yield {"up_to": theirs + 100, "until": "2100-01-01T00:00:00Z"}
    yield {**EXAMPLE, "user_id": 2, "user": "2", "title": "from a stranger"}
    yield {"user": "2", "title": "from a stranger"}
    yield {"user_id": 2, "frequency": "instant", "email": "evil@x.example"}
    yield {"endpoint": f"http://127.0.0.1/{SECRET}"}


async def test_no_route_shows_or_changes_what_is_anothers(pushing: Built, serving: Serving) -> None:
    """
    002-37, 002-T5: with the other's id in the path, the query and the body, as every route takes it.
    """
    async with serving(pushing) as site:
        theirs = await set_up(site)
        before = await everything_of(site.host, "2")
        document = await site.call("GET", "/openapi.json")
        tried = set(routes(document, theirs))

        async def try_all(method: str, path: str) -> None:
            for query in ("", f"?user_id=2&read=true&up_to={theirs + 100}"):
                for body in bodies(theirs) if method != "GET" else (None,):
                    said = await site.client.request(
                        method, path + query, json=body, headers={"X-API-Key": "key-1"}
                    )
                    about = (method, path + query, body, said.status_code, said.text)
                    assert said.status_code < 500, about
                    assert SECRET not in said.text, about
                    if query and path.startswith("/api"):
                        assert said.status_code in (400, 403, 404, 422), about

        async with anyio.create_task_group() as group:
            for method, path in tried:
                group.start_soon(try_all, method, path)
        assert len(tried) > 25
        assert await everything_of(site.host, "2") == before


async def test_what_is_anothers_is_answered_as_what_is_not_there(
    token_mode: Built, serving: Serving
) -> None:
    """
    README I4: word for word, but for the number.
    """
    async with serving(token_mode) as site:
        theirs = (await site.notify(user_id=2))["notification_id"]
        nowhere = theirs + 1_000_000
        document = await site.call("GET", "/openapi.json")
        for method, path in routes(document, theirs):
            if str(theirs) not in path.split("/"):
                continue
            answers = [
                await site.client.request(method, one, headers={"X-API-Key": "key-1"})
                for one in (path, path.replace(f"/{theirs}", f"/{nowhere}"))
            ]
            assert [one.status_code for one in answers] == [404, 404], path
            told = [
                one.text.replace(str(number), "N")
                for one, number in zip(answers, (theirs, nowhere), strict=True)
            ]
            assert told[0] == told[1]


# What a field of a frame may hold, so that it names the other. A required field that is not here fails the test.
FIELDS: Mapping[str, Callable[[int], Any]] = {
    "type": lambda _: None,
    "user_id": lambda _: 2,
    "notification_id": lambda theirs: theirs,
    "api_key": lambda _: "key-1",
    "token": lambda _: None,
}


def frames(document: Mapping[str, Any], theirs: int) -> Iterator[dict[str, Any]]:
    """
    Every frame that the socket takes, once with the other's user id and once without.
    """
    schemas = document["components"]["schemas"]
    (channel,) = [
        name for name, one in document["channels"].items() if one["address"] == "/ws/notifications"
    ]
    for message in document["operations"][f"receive_{channel}"]["messages"]:
        name = message["$ref"].rpartition("/")[2]
        schema = schemas[name]
        properties = schema["properties"]
        unknown = properties.keys() - FIELDS.keys()
        assert not unknown, f"say what a stranger would put into {unknown} of {name}"
        kind = properties["type"].get("const") or properties["type"]["enum"][0]
        given = {key: FIELDS[key](theirs) for key in properties}
        frame = {key: value for key, value in given.items() if value is not None}
        yield {**frame, "type": kind}
        yield {**{key: value for key, value in frame.items() if key != "user_id"}, "type": kind}


async def test_no_frame_shows_or_changes_what_is_anothers(pushing: Built, serving: Serving) -> None:
    """
    002-35, 002-37, 002-T5: a foreign user id ends the connection, a foreign notification is not there.
    """
    async with serving(pushing) as site:
        theirs = await set_up(site)
        before = await everything_of(site.host, "2")
        tried = set()
        for frame in frames(await site.call("GET", "/asyncapi.json"), theirs):
            async with site.tab_of("1") as tab:
                await tab.greeted()
                await tab.send(**frame)
                if "user_id" in frame:
                    said, code = await tab.closed()
                    assert code == 1008, frame
                    assert said[-1].get("code", said[-1]["type"]) in ("forbidden", "auth_failed")
                elif "notification_id" in frame:
                    assert (await tab.next())["code"] == "not_found"
                    await tab.nothing_more()
                else:
                    await tab.send(type="ping")
                    while (answer := await tab.next())["type"] != "pong":
                        assert SECRET not in json.dumps(answer)
            tried.add(frame["type"])
        assert {"auth", "mark_read", "ack", "pong", "ping", "get_unread_count"} <= tried
        assert await everything_of(site.host, "2") == before


COMMANDS = (
    "subscribe",
    "unsubscribe",
    "publish",
    "presence",
    "presence_stats",
    "history",
    "sub_refresh",
    "rpc",
    "send",
)


@pytest.mark.parametrize("command", COMMANDS)
async def test_no_command_of_the_centrifugo_protocol_reaches_the_inbox_of_another(
    token_mode: Built, serving: Serving, command: str
) -> None:
    """
    002-37, settled: `inbox:#<user>` belongs to that user.
    """
    async with serving(token_mode) as site:
        await site.notify(user_id=2, subject=SECRET)
        before = await everything_of(site.host, "2")
        url = f"ws://127.0.0.1:{site.port}/connection/websocket"
        for channel in ("inbox:#2", "inbox:#1,2", "inbox:#2,1", "inbox:2", "inbox:#", " inbox:#2"):
            body = {"channel": channel, "data": {}, "method": "x", "limit": 10, "recover": True}
            async with connect(url) as connection:
                token = site.host.token("1")
                await connection.send(json.dumps({"id": 1, "connect": {"token": token}}))
                await connection.send(json.dumps({"id": 2, command: body}))
                heard = ""
                # Closed for a bad request is as good an answer.
                with anyio.fail_after(10), suppress(ConnectionClosed):
                    await connection.send(json.dumps({"id": 4, "unsubscribe": {"channel": "x"}}))
                    while '"id":4' not in heard:
                        heard += str(await connection.recv())
                assert SECRET not in heard, (command, channel)
                # One that names both is a channel of its own, in which nothing is ever said.
                is_let_in = '"subscribe":' in heard
                assert not is_let_in or channel in ("inbox:#1,2", "inbox:#2,1"), (command, channel)
        assert await everything_of(site.host, "2") == before


async def test_a_user_sends_and_orders_so_often_and_not_more(
    token_mode: Built, serving: Serving
) -> None:
    """
    settled: 300 starting requests a minute and user; senders are exempt.
    """
    async with serving(token_mode) as site:
        most = site.host.engine.services.limits.starts_per_minute
        note = {"user": "1", "title": "to myself"}
        codes: list[int] = []

        async def call(path: str, body: dict[str, Any]) -> None:
            said = await site.client.post(path, json=body, headers={"X-API-Key": "key-1"})
            codes.append(said.status_code)

        for path, body in (
            ("/v1/inbox", note),
            ("/api/retail/orders", {"sku": "A", "quantity": 1}),
        ):
            codes.clear()
            # The bucket fills while it is emptied.
            while 429 not in codes and len(codes) < 2 * most:
                async with anyio.create_task_group() as group:
                    for _ in range(50):
                        group.start_soon(call, path, body)
            assert 429 in codes
            assert codes.count(200) >= (most if path == "/v1/inbox" else 0)
        await site.call("POST", "/v1/inbox", key="key-mail", json=note)
