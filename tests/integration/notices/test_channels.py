"""
The ways out of the house, each against a real server of its kind. docs/contract/notices.md 002-17, 002-T10.
"""

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias
from urllib.parse import parse_qs

import pytest

from avance import Escalate
from avance.errors import ConfigError, InvalidRequest
from avance.notify.channels.apprise import AppriseChannel

from .conftest import Build, Built, Site
from .mail_server import MailServer
from .receiver import Receiver, a_receiver

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]
PREFERENCES = "/api/notification-preferences"
# Apprise's own import.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as made:
        yield made


@pytest.fixture
def mailing(build: Build, mail: MailServer) -> Built:
    mail.start()
    return build(
        notify__smtp_server="127.0.0.1",
        notify__smtp_port=mail.port,
        notify__email_from="shop@shop.example",
        inbox__backoff_s="0.05",
        inbox__poll_s=0.05,
        # A server that is away comes back when a busy machine lets it.
        inbox__attempts_max=1_000,
    )


async def test_a_mail_arrives_once_with_its_subject_and_text(
    mailing: Built, mail: MailServer, serving: Serving
) -> None:
    async with serving(mailing) as site:
        await site.call("PUT", PREFERENCES, json={"email": "ana@shop.example"})
        subject = "Stock ñandú — bajo\r\nBcc: all@shop.example"
        said = await site.notify(channels="in_app,email", subject=subject)
        assert said["channels_sent"] == ["email", "in_app"]
        assert said["errors"] == []
        (got,) = mail.box.mails
        assert got["To"] == "ana@shop.example"
        assert got["From"] == "shop@shop.example"
        assert got["Subject"] == "Stock ñandú — bajo Bcc: all@shop.example"
        assert got["Bcc"] is None
        assert "Producto A stock es bajo" in got.get_content()
        assert (await site.delivery("1", said["notification_id"], "email")).state == "sent"


async def test_channels_sent_tells_the_truth(
    mailing: Built, mail: MailServer, serving: Serving
) -> None:
    """
    002-T10, 002-17: the mail server is down: not in channels_sent, an error row; a later success changes the delivery row.
    """
    mail.stop()
    async with serving(mailing) as site:
        await site.call("PUT", PREFERENCES, json={"email": "ana@shop.example"})
        said = await site.notify(channels=["in_app", "email"])
        assert said["channels_sent"] == ["in_app"]
        assert [one["channel"] for one in said["errors"]] == ["email"]
        assert "cannot be reached" in said["errors"][0]["error"]
        mail.start()

        async def is_sent() -> bool:
            found = await site.delivery("1", said["notification_id"], "email")
            return bool(found.state == "sent")

        await site.until(is_sent)
        assert len(mail.box.mails) == 1


async def test_a_refusal_for_now_is_repeated_and_one_for_good_is_not(
    mailing: Built, mail: MailServer, serving: Serving
) -> None:
    async with serving(mailing) as site:
        await site.call("PUT", PREFERENCES, json={"email": "ana@shop.example"})
        mail.box.answers = ["451 come back later"]
        numbers = [(await site.notify(channels="in_app,email"))["notification_id"]]

        async def is_sent() -> bool:
            return bool((await site.delivery("1", numbers[0], "email")).state == "sent")

        await site.until(is_sent)
        mail.box.answers = ["554 never"]
        said = await site.notify(channels="in_app,email")
        assert "554" in said["errors"][0]["error"]
        delivery = await site.delivery("1", said["notification_id"], "email")
        assert (delivery.state, delivery.attempts) == ("failed", 1)


async def test_without_an_address_the_delivery_fails_and_says_why(
    mailing: Built, serving: Serving
) -> None:
    async with serving(mailing) as site:
        said = await site.notify(channels="in_app,email,sms")
        assert said["channels_sent"] == ["in_app"]
        assert {one["channel"]: one["error"] for one in said["errors"]} == {
            "email": "the user has no mail address",
            "sms": "it is not set up here",
        }


async def test_switching_mail_off_skips_it(
    mailing: Built, mail: MailServer, serving: Serving
) -> None:
    """
    002-T8: no external channel used, the delivery row tells why, the inbox has it.
    """
    async with serving(mailing) as site:
        await site.call(
            "PUT", PREFERENCES, json={"email": "ana@shop.example", "channels": ["websocket"]}
        )
        said = await site.notify(channels="in_app,email")
        assert said["channels_sent"] == ["in_app"]
        delivery = await site.delivery("1", said["notification_id"], "email")
        assert (delivery.state, delivery.reason) == ("skipped", "channel_off")
        assert mail.box.mails == []


@pytest.fixture
def hooked(build: Build, receiver: Receiver) -> Built:
    return build(
        notify__webhook_url=f"{receiver.url}/hook",
        notify__webhook_secret="a secret",
        notify__twilio_account="AC1",
        notify__twilio_token="t0ken",
        notify__twilio_from="+15550001",
        notify__twilio_url=receiver.url,
        inbox__backoff_s="0.05",
        inbox__poll_s=0.05,
    )


async def test_a_webhook_is_signed_and_repeated_under_the_same_id(
    hooked: Built, receiver: Receiver, serving: Serving
) -> None:
    async with serving(hooked) as site:
        receiver.answers = [500]
        await site.host.notify("1", "Hello", channels=("in_app", "webhook"))
        await site.until(lambda: _is(len(receiver.calls) == 2))
    first, second = receiver.calls
    assert first.headers["x-avance-delivery"] == second.headers["x-avance-delivery"]
    signed = second.headers["x-avance-timestamp"].encode() + b"." + second.body
    signature = hmac.new(b"a secret", signed, hashlib.sha256).hexdigest()
    assert second.headers["x-avance-signature"] == f"sha256={signature}"
    body = json.loads(second.body)
    assert (body["user"], body["notifications"][0]["title"]) == ("1", "Hello")


async def test_a_webhook_that_broke_off_or_points_elsewhere_is_called_once(
    hooked: Built, receiver: Receiver, serving: Serving
) -> None:
    """
    It may have arrived; and a redirect would carry the message to who knows where.
    """
    async with serving(hooked) as site:
        for answer, why in (
            (None, "may have arrived"),
            (302, "answered 302"),
            (403, "answered 403"),
        ):
            receiver.calls.clear()
            receiver.answers = [answer]
            sent = await site.host.notify("1", "Hello", channels=("in_app", "webhook"))
            assert sent.notice is not None

            async def has_failed(number: int = sent.notice.id) -> bool:
                return bool((await site.delivery("1", number, "webhook")).state == "failed")

            await site.until(has_failed)
            delivery = await site.delivery("1", sent.notice.id, "webhook")
            assert why in delivery.last_error
            assert (delivery.attempts, len(receiver.calls)) == (1, 1)


async def test_a_text_message_goes_through_twilio(
    hooked: Built, receiver: Receiver, serving: Serving
) -> None:
    async with serving(hooked) as site:
        await site.call("PUT", PREFERENCES, json={"phone": "+34600000001"})
        said = await site.notify(channels="in_app,sms", message="x" * 2_000)
        assert "sms" in said["channels_sent"]
    (call,) = receiver.calls
    assert call.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert call.headers["authorization"] == "Basic " + base64.b64encode(b"AC1:t0ken").decode()
    form = parse_qs(call.body.decode())
    assert (form["To"], form["From"]) == (["+34600000001"], ["+15550001"])
    assert form["Body"][0].startswith("Stock bajo: xxx")
    assert len(form["Body"][0]) == 480


@pytest.fixture
def apprising(build: Build, receiver: Receiver) -> Built:
    address = receiver.url.replace("http://", "json://")
    return build(notify__apprise_urls=f"{address}/team", inbox__poll_s=0.05)


async def test_apprise_carries_it_wherever_it_can(
    apprising: Built, receiver: Receiver, serving: Serving
) -> None:
    async with serving(apprising) as site:
        await site.host.notify("1", "Hello", body="There", channels=("in_app", "apprise"))
        await site.until(lambda: _is(bool(receiver.calls)))
    body = json.loads(receiver.calls[0].body)
    assert (body["title"], body["message"]) == ("Hello", "There")


def test_an_unknown_address_of_apprise_is_refused_without_its_secret() -> None:
    with pytest.raises(ConfigError, match="nosuch") as refused:
        AppriseChannel(["nosuch://user:password@host"])
    assert "password" not in refused.value.message


def test_a_webhook_without_a_secret_is_refused(build: Build) -> None:
    with pytest.raises(ConfigError, match="webhook_secret"):
        build(notify__webhook_url="http://127.0.0.1:1/")


async def test_an_escalation_reaches_the_mailbox_of_who_did_not_look(
    mailing: Built, mail: MailServer, serving: Serving
) -> None:

    async with serving(mailing) as site:
        await site.call("PUT", PREFERENCES, json={"email": "ana@shop.example"})
        late = Escalate(after_s=0.3)
        for attempt in itertools.count():
            in_time, began_s = f"seen in time {attempt}", time.monotonic()
            seen = await site.host.notify("1", in_time, escalate=late)
            assert seen.notice is not None
            await site.host.inbox("1").mark_seen(seen.notice.id)
            # Where the machine stood still in between it was not seen in time.
            if time.monotonic() - began_s < late.after_s:
                break
        await site.host.notify("1", "not seen", escalate=late)
        await site.until(lambda: _is("not seen" in [one["Subject"] for one in mail.box.mails]))
        assert in_time not in [one["Subject"] for one in mail.box.mails]
        with pytest.raises(InvalidRequest):
            await site.host.notify("1", "x", escalate=Escalate(after_s=0))


async def _is(value: bool) -> bool:
    return value


async def test_what_was_sent_and_how_it_went_is_counted(
    mailing: Built, mail: MailServer, serving: Serving
) -> None:
    """
    3.4: requests, connections, sends, failures and how long deliveries take, for Prometheus.
    """
    async with serving(mailing) as site, site.tab_of("1") as tab, site.tab_of("1"):
        await tab.greeted()
        await site.call("PUT", PREFERENCES, json={"email": "ana@shop.example"})
        await site.notify(channels="in_app,email")
        mail.box.answers = ["554 never"]
        await site.notify(channels="in_app,email")
        await tab.until("unread_count", count=2)
        said = await site.client.get("/metrics", headers={"X-API-Key": "key-root"})
        numbers = dict(
            line.rsplit(" ", 1) for line in said.text.splitlines() if not line.startswith("#")
        )
    for name, value in (
        ("avance_notice_sockets", 2),
        ("avance_notice_users", 1),
        ("avance_notices_stored_total", 2),
        ("avance_notices_shown_total", 4),
        ('avance_notice_attempts_total{channel="email",state="sent"}', 1),
        ('avance_notice_attempts_total{channel="email",state="failed"}', 1),
    ):
        assert float(numbers[name]) == value, name
    assert float(numbers["avance_notices_shown_seconds_total"]) >= 0
    assert float(numbers['avance_notice_attempt_seconds_total{channel="email"}']) > 0
    sends = [name for name in numbers if "_count" in name and "/api/notifications/send" in name]
    assert sum(float(numbers[name]) for name in sends) == 2
