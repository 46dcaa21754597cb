"""
Mail over a real SMTP server: encryption, accounts, and every way in which a server says no. docs/contract/notices.md 002-17, 002-T10, decision 8.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from avance.backends.system import SystemClock
from avance.model.inbox import Notice, Priority
from avance.notify.channel import DeliveryError, Message
from avance.notify.channels.email import EmailChannel
from avance.notify.preferences import Addresses, Preferences

from .conftest import Build, Built, Site
from .mail_server import ACCOUNT, PASSWORD, MailServer, a_certificate

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]
# Of aiosmtpd: it would rather not be asked for passwords without TLS, which is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class Secured:
    """
    A server with TLS and an account, and the certificate by which it is known.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        self.certificate, context = a_certificate(folder)
        self.server = MailServer(
            tls_context=context, require_starttls=True, auth_required=True, **options
        )
        self.server.start()


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    made = Secured(tmp_path)
    yield made
    made.server.stop()


@pytest.fixture
def plain() -> Iterator[MailServer]:
    server = MailServer(auth_require_tls=False, auth_required=False)
    server.start()
    yield server
    server.stop()


def channel(
    server: MailServer, *, password: bytes | None = None, timeout_s: float = 10.0
) -> EmailChannel:
    return EmailChannel(
        server="127.0.0.1",
        port=server.port,
        sender=ACCOUNT.decode(),
        password=None if password is None else password.decode(),
        clock=SystemClock(),
        timeout_s=timeout_s,
    )


def a_message() -> Message:
    notice = Notice(
        id=1,
        kind="stock_alert",
        priority=Priority.HIGH,
        title="Stock bajo",
        body="Producto A",
        created_at="2026-01-01T00:00:00.000Z",
    )
    preferences = Preferences(addresses=Addresses(email="ana@shop.example"))
    return Message(id="1-1-email", user="ana", notices=(notice,), preferences=preferences)


async def refused(channel: EmailChannel) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await channel.send(a_message())
    return caught.value


async def test_the_account_is_used_over_an_encrypted_line_alone(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secured.certificate))
    box = secured.server.box
    sender = channel(secured.server, password=PASSWORD)
    await sender.send(a_message())
    await sender.send(a_message())
    assert [mail["Subject"] for mail in box.mails] == ["Stock bajo"] * 2
    assert box.logins == [(PASSWORD, True)] * 2


async def test_a_wrong_password_is_told_without_it(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secured.certificate))
    error = await refused(channel(secured.server, password=b"guessed"))
    assert "535" in str(error)
    assert "guessed" not in str(error)
    assert secured.server.box.mails == []


async def test_a_server_that_nobody_vouches_for_gets_neither_password_nor_mail(
    secured: Secured,
) -> None:
    error = await refused(channel(secured.server, password=PASSWORD))
    assert "SSL_CERT_FILE" in str(error)
    assert not error.is_final
    assert (secured.server.box.logins, secured.server.box.mails) == ([], [])


async def test_where_the_offer_of_tls_was_taken_away_the_password_stays_here(
    plain: MailServer,
) -> None:
    """
    The server takes passwords without TLS, as one behind somebody who strips STARTTLS seems to.
    """
    error = await refused(channel(plain, password=PASSWORD))
    assert "STARTTLS" in str(error)
    assert (plain.box.logins, plain.box.mails) == ([], [])
    await channel(plain).send(a_message())
    assert len(plain.box.mails) == 1


@pytest.mark.parametrize(
    ("place", "answer", "is_final"),
    [
        ("rcpt_answers", "450 4.2.1 mailbox busy", False),
        ("rcpt_answers", "451 4.7.1 greylisted, come back", False),
        ("rcpt_answers", "550 5.1.1 nobody of that name", True),
        ("answers", "452 4.3.1 no room", False),
        ("answers", "554 5.7.1 spam", True),
    ],
)
async def test_what_a_server_refuses_for_now_is_worth_another_attempt_and_for_good_is_not(
    plain: MailServer, place: str, answer: str, is_final: bool
) -> None:
    getattr(plain.box, place).append(answer)
    error = await refused(channel(plain))
    assert answer[:3] in str(error)
    assert error.is_final is is_final
    assert plain.box.mails == []


async def test_a_line_that_breaks_after_the_message_is_not_tried_again(plain: MailServer) -> None:
    """
    It may have arrived, as here it has.
    """

    async def cut(server: Any) -> None:
        server.transport.abort()

    plain.box.on_data = cut
    error = await refused(channel(plain))
    assert error.is_final
    assert "may have arrived" in str(error)
    assert len(plain.box.mails) == 1


async def test_a_server_that_says_nothing_after_the_message_is_not_tried_again(
    plain: MailServer,
) -> None:

    async def hang(server: Any) -> None:
        await asyncio.Event().wait()

    plain.box.on_data = hang
    error = await refused(channel(plain, timeout_s=0.3))
    while not plain.box.mails:
        # The time was over before the message was there: on a machine that stood still.
        error = await refused(channel(plain, timeout_s=0.3))
    assert error.is_final
    assert "may have arrived" in str(error)


async def test_where_nobody_listens_it_is_tried_again(plain: MailServer) -> None:
    plain.stop()
    error = await refused(channel(plain))
    assert not error.is_final
    assert "cannot be reached" in str(error)


@pytest.fixture
def greylisted(build: Build, plain: MailServer) -> Built:
    plain.box.rcpt_answers = ["451 4.7.1 greylisted, come back"] * 2
    return build(
        notify__smtp_server="127.0.0.1",
        notify__smtp_port=plain.port,
        notify__email_from="shop@shop.example",
        inbox__backoff_s="0.05",
        inbox__poll_s=0.05,
    )


async def test_a_server_that_lets_strangers_wait_gets_the_mail_later_and_once(
    greylisted: Built, plain: MailServer, serving: Serving
) -> None:
    """
    002-17, decision 8: the answer to the sender tells that it is not there yet, the delivery row that it came later.
    """
    async with serving(greylisted) as site:
        await site.call("PUT", "/api/notification-preferences", json={"email": "ana@shop.example"})
        said = await site.notify(channels="in_app,email")
        number = said["notification_id"]

        async def is_sent() -> bool:
            return bool((await site.delivery("1", number, "email")).state == "sent")

        await site.until(is_sent)
        delivery = await site.delivery("1", number, "email")
    assert delivery.attempts == 3
    assert "greylisted" in (delivery.last_error or "")
    assert [mail["To"] for mail in plain.box.mails] == ["ana@shop.example"]
    assert msgspec.json.encode(said).count(b"greylisted") <= 1
