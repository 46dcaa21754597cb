"""
Over TLS nothing may go around the transport: it would go unencrypted.
"""

import datetime
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from avance.edge.drivers import SocketLimits
from avance.edge.link import Frame

Serve = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A key and its own certificate for 127.0.0.1, in one file.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2120))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(scope="module")
def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize("path", ["/native", "/asgi"])
async def test_everything_goes_through_tls(
    serve: Serve, certificate: Path, trusting: ssl.SSLContext, path: str
) -> None:
    async with serve(ssl_certfile=str(certificate)) as server:
        url = server.url(path).replace("ws:", "wss:")
        async with websockets.connect(url, ssl=trusting) as client:
            peer = await server.sessions.next()
            assert peer.handshake.scheme == "wss"
            for size in (1, 200, 100_000):
                await client.send(b"x" * min(size, 65_536))
                assert len(await peer.next("receive")) == min(size, 65_536)
                peer.link.write((Frame(b"y" * size), Frame(b"z")))
                assert await client.recv() == "y" * size
                assert await client.recv() == "z"
            peer.link.close(3001, "shutdown")
            with anyio.fail_after(60):
                await client.wait_closed()
            assert (client.close_code, client.close_reason) == (3001, "shutdown")
            assert await peer.next("lost") == 3001


async def test_a_failure_over_tls_is_told_and_bounded(
    serve: Serve, certificate: Path, trusting: ssl.SSLContext
) -> None:
    async with serve(SocketLimits(close_timeout_s=0.2), ssl_certfile=str(certificate)) as server:
        url = server.url().replace("ws:", "wss:")
        async with websockets.connect(url, ssl=trusting) as client:
            peer = await server.sessions.next()
            await client.send(b"x" * 65_537)
            with anyio.fail_after(60):
                await client.wait_closed()
            assert client.close_code == 1009
            assert await peer.next("lost") == 1009
