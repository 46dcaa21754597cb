"""
Mail over SMTP.
"""

import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import aiosmtplib
from anyio import to_thread

from avance.notify.channel import DeliveryChannel, DeliveryError, Message, subject_of, text_of
from avance.ports.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IMPLICIT_TLS_PORT = 465
_NO_CONNECTION = (
    aiosmtplib.SMTPConnectError,
    aiosmtplib.SMTPServerDisconnected,
    aiosmtplib.SMTPTimeoutError,
    OSError,
)


class EmailChannel(DeliveryChannel):
    """
    One connection for each message: notifications are few, and a server that was restarted never meets a stale one.
    """

    name = "email"

    def __init__(
        self,
        *,
        server: str,
        port: int,
        sender: str,
        password: str | None,
        clock: Clock,
        timeout_s: float = 10.0,
    ) -> None:
        self._server = server
        self._port = port
        self._sender = sender
        self._password = password
        self._clock = clock
        self._timeout_s = timeout_s
        self._tls: ssl.SSLContext | None = None

    async def send(self, message: Message) -> None:
        address = message.preferences.addresses.email
        if address is None:
            raise DeliveryError("the user has no mail address", is_final=True)
        mail = self._compose(message, address)
        client = await self._client()
        try:
            await self._open(client, address)
            await self._hand_over(client, mail)
        finally:
            client.close()

    async def _client(self) -> aiosmtplib.SMTP:
        if self._tls is None:
            # It reads the certificates of the system, some milliseconds from the disk.
            self._tls = await to_thread.run_sync(ssl.create_default_context)
        is_tls_at_once = self._port == _IMPLICIT_TLS_PORT
        return aiosmtplib.SMTP(
            hostname=self._server,
            port=self._port,
            use_tls=is_tls_at_once,
            # A password never goes over a line that others can read, also where somebody on the way takes away the offer of TLS.
            start_tls=True if self._password and not is_tls_at_once else None,
            tls_context=self._tls,
            timeout=self._timeout_s,
        )

    async def _open(self, client: aiosmtplib.SMTP, address: str) -> None:
        try:
            await client.connect()
            if self._password:
                await client.login(self._sender, self._password)
            await client.mail(self._sender)
            await client.rcpt(address)
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except ssl.SSLCertVerificationError as error:
            raise DeliveryError(
                f"the certificate of {self._server}:{self._port} is not trusted here ({error.verify_message});"
                " name its authority in SSL_CERT_FILE"
            ) from error
        except _NO_CONNECTION as error:
            raise DeliveryError(
                f"{self._server}:{self._port} cannot be reached: {type(error).__name__}"
            ) from error
        except aiosmtplib.SMTPException as error:
            raise DeliveryError(f"{self._server}:{self._port}: {_one_line(error)}") from error

    async def _hand_over(self, client: aiosmtplib.SMTP, mail: EmailMessage) -> None:
        try:
            await client.data(mail.as_bytes())
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(
                f"{self._server}:{self._port} did not answer after it had the message; not repeated, because it may have arrived",
                is_final=True,
            ) from error

    def _compose(self, message: Message, address: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = address
        mail["Subject"] = subject_of(message)
        mail["Date"] = format_datetime(_EPOCH + timedelta(milliseconds=self._clock.now_ms()))
        domain = self._sender.rpartition("@")[2] or "localhost"
        mail["Message-ID"] = make_msgid(idstring=message.id, domain=domain)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text_of(message))
        return mail


def _refused(error: aiosmtplib.SMTPResponseException) -> DeliveryError:
    return DeliveryError(
        f"refused with {error.code}: {_one_line(error.message)}", is_final=error.code >= 500
    )


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:200]
