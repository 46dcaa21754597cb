"""
Web push against a push service that checks what a real one checks: the signature (RFC 8292) and the encryption (RFC 8188, 8291).
"""

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from avance.notify.push_subscriptions import PushSubscription

from .conftest import Build, Built, Site
from .receiver import Call, Receiver, a_receiver

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]
SUBJECT = "mailto:root@shop.example"
DAY_S = 86_400


class Browser:
    """
    The keys that a browser makes when it registers for push.
    """

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = os.urandom(16)

    def subscription(self, url: str) -> dict[str, Any]:
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": url, "keys": {"p256dh": _base64(point), "auth": _base64(self._secret)}}

    def read(self, body: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(body, private_key=self._key, auth_secret=self._secret)
        read: dict[str, Any] = json.loads(plain)
        return read


class PushService:
    """
    Takes a push when it is signed by the key that the browser registered with, for this service, and for a day at most.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.url = receiver.url
        self.application_key = b""
        self.claims: list[dict[str, Any]] = []
        self.withdrawn: set[str] = set()
        """Browsers that are no longer registered."""
        receiver.judge = self._judge

    def _judge(self, call: Call) -> int:
        if call.headers.get("content-encoding") != "aes128gcm" or not call.headers["ttl"].isdigit():
            return 400
        if call.path in self.withdrawn:
            return 410
        scheme, _, parameters = call.headers.get("authorization", "").partition(" ")
        given = dict(one.strip().partition("=")[::2] for one in parameters.split(","))
        if scheme != "vapid" or _bytes(given["k"]) != self.application_key:
            return 403
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.application_key)
        try:
            claims = jwt.decode(given["t"], key, algorithms=["ES256"], audience=self.url)
        except jwt.InvalidTokenError:
            return 403
        self.claims.append(claims)
        return 201 if claims["exp"] <= time.time() + DAY_S else 400


@pytest.fixture
def service() -> Iterator[PushService]:
    with a_receiver() as receiver:
        yield PushService(receiver)


@pytest.fixture
def pushing(build: Build) -> Built:
    key = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return build(
        notify__vapid_private_key=_base64(key.to_bytes(32, "big")),
        notify__vapid_subject=SUBJECT,
        notify__push_hosts="127.0.0.1",
        inbox__backoff_s="0.05",
        inbox__poll_s=0.05,
    )


async def register(site: Site, browser: Browser, url: str, *, key: str = "key-1") -> None:
    said = await site.client.post(
        "/v1/inbox/push", json=browser.subscription(url), headers={"X-API-Key": key}
    )
    assert said.status_code == 204, said.text


async def trust(site: Site, service: PushService) -> None:
    """
    As a browser does: it hands the key of the page to its push service.
    """
    service.application_key = _bytes((await site.call("GET", "/v1/inbox/push"))["public_key"])
    assert len(service.application_key) == 65


async def test_a_push_is_signed_and_encrypted_for_each_browser_of_its_user(
    pushing: Built, service: PushService, serving: Serving
) -> None:
    phone, laptop, stranger = Browser(), Browser(), Browser()
    async with serving(pushing) as site:
        await trust(site, service)
        await register(site, phone, f"{service.url}/phone")
        await register(site, laptop, f"{service.url}/laptop")
        await register(site, stranger, f"{service.url}/stranger", key="key-2")
        said = await site.notify(channels="in_app,push")
        assert "push" in said["channels_sent"]
    calls = {call.path: call for call in service.receiver.calls}
    assert sorted(calls) == ["/laptop", "/phone"]
    assert [claims["sub"] for claims in service.claims] == [SUBJECT] * 2
    for browser, path in ((phone, "/phone"), (laptop, "/laptop")):
        assert b"Stock" not in calls[path].body
        assert browser.read(calls[path].body) == {
            "id": said["notification_id"],
            "kind": "stock_alert",
            "priority": "high",
            "title": "Stock bajo",
            "body": "Producto A stock es bajo",
            "url": None,
        }


async def test_a_service_that_knows_another_key_takes_nothing(
    pushing: Built, service: PushService, serving: Serving
) -> None:
    async with serving(pushing) as site:
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        service.application_key = other.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        await register(site, Browser(), f"{service.url}/phone")
        said = await site.notify(channels="in_app,push")
        assert said["channels_sent"] == ["in_app"]
        assert "403" in said["errors"][0]["error"]
        delivery = await site.delivery("1", said["notification_id"], "push")
        assert (delivery.state, delivery.attempts) == ("failed", 1)


async def test_a_browser_that_withdrew_is_forgotten_and_one_that_signs_off_is_too(
    pushing: Built, service: PushService, serving: Serving
) -> None:
    async with serving(pushing) as site:
        await trust(site, service)
        await register(site, Browser(), f"{service.url}/gone")
        await register(site, Browser(), f"{service.url}/there")
        service.withdrawn = {"/gone"}
        said = await site.notify(channels="in_app,push")
        assert "push" in said["channels_sent"]
        await site.notify(channels="in_app,push")
        called = sorted(call.path for call in service.receiver.calls)
        assert called == ["/gone", "/there", "/there"]
        address = {"endpoint": f"{service.url}/there"}
        for key in ("key-2", "key-1"):
            left = await site.client.request(
                "DELETE", "/v1/inbox/push", json=address, headers={"X-API-Key": key}
            )
            assert left.status_code == 204, left.text
            # Only its own user takes a browser away.
            said = await site.notify(channels="in_app,push")
            assert ("push" in said["channels_sent"]) == (key == "key-2")
        assert said["errors"][0]["error"] == "no browser is registered for push"


@pytest.mark.parametrize(
    ("answers", "calls", "state"),
    [
        ([429, 503, 201], 3, "sent"),
        ([None], 1, "failed"),
        ([413], 1, "failed"),
    ],
)
async def test_a_push_is_repeated_only_where_it_was_surely_not_taken(
    pushing: Built,
    service: PushService,
    serving: Serving,
    answers: list[int | None],
    calls: int,
    state: str,
) -> None:
    """
    002-17, decision 8: busy is another attempt; a line that broke after the message, and a message refused for good, are none.
    """
    async with serving(pushing) as site:
        await register(site, Browser(), f"{service.url}/phone")
        service.receiver.answers = answers
        number = (await site.notify(channels="in_app,push"))["notification_id"]

        async def is_over() -> bool:
            return bool((await site.delivery("1", number, "push")).state == state)

        await site.until(is_over)
        assert len(service.receiver.calls) == calls


async def test_a_service_that_is_away_is_tried_again(pushing: Built, serving: Serving) -> None:
    with a_receiver() as receiver:
        url = receiver.url
    async with serving(pushing) as site:
        await register(site, Browser(), f"{url}/phone")
        number = (await site.notify(channels="in_app,push"))["notification_id"]

        async def was_tried_again() -> bool:
            return bool((await site.delivery("1", number, "push")).attempts > 1)

        await site.until(was_tried_again)


async def test_of_too_many_browsers_the_oldest_is_forgotten(
    pushing: Built, service: PushService, serving: Serving
) -> None:
    async with serving(pushing) as site:
        push = site.host.engine.notices.push
        most = site.host.engine.notices.inboxes.limits.push_subscriptions_max
        browser = Browser().subscription("")
        for number in range(most + 3):
            url = f"{service.url}/{number:02}"
            await push.subscribe("1", PushSubscription(endpoint=url, keys=browser["keys"]))
        await trust(site, service)
        await site.host.notify("1", "Hello", channels=("in_app", "push"))

        async def all_called() -> bool:
            return len(service.receiver.calls) >= most

        await site.until(all_called)
    assert {call.path for call in service.receiver.calls} == {
        f"/{number:02}" for number in range(3, most + 3)
    }


async def test_only_push_services_that_are_known_are_called(
    pushing: Built, serving: Serving
) -> None:
    async with serving(pushing) as site:
        for url in (
            "https://evil.example/x",
            "http://127.0.0.1.evil.example/x",
            "http://127.0.0.1@evil.example/x",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
        ):
            said = await site.client.post(
                "/v1/inbox/push",
                json=Browser().subscription(url),
                headers={"X-API-Key": "key-1"},
            )
            assert said.json()["code"] == "push_host_unknown", url


async def test_without_push_nobody_can_register(token_mode: Built, serving: Serving) -> None:
    async with serving(token_mode) as site:
        said = await site.client.get("/v1/inbox/push", headers={"X-API-Key": "key-1"})
        assert (said.status_code, said.json()["code"]) == (503, "push_not_configured")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
