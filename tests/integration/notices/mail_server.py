"""
A real SMTP server on a port of its own, which refuses, delays and breaks off as a test wants.
"""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from free_port import free_port

ACCOUNT, PASSWORD = b"shop@shop.example", b"open sesame"


class Mailbox:
    """
    What the server keeps, and what it answers; of each list the next answer is taken first.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        """To the whole message."""
        self.rcpt_answers: list[str] = []
        self.logins: list[tuple[bytes, bool]] = []
        """Every password that somebody sent, and whether the line was encrypted."""
        self.on_data: Callable[[Any], Any] | None = None
        """Instead of an answer to the message, with the connection of the client."""

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.on_data is not None:
            await self.on_data(server)
        return "250 OK"

    def check(self, server: Any, session: Any, envelope: Any, way: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.password, session.ssl is not None))
        is_right = (data.login, data.password) == (ACCOUNT, PASSWORD)
        return AuthResult(success=is_right, handled=is_right)


class MailServer:
    def __init__(self, **options: Any) -> None:
        """
        Args:
            options: Of aiosmtpd's server.
        """
        self.box = Mailbox()
        self.port = free_port()
        self._options = options
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(
            self.box,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=self.box.check,
            **self._options,
        )
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


def a_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """
    A certificate for 127.0.0.1 that vouches for itself, and a server's context with it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    key_path = folder / "mail.key"
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context
