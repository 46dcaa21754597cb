"""
The compact form of a signed token (RFC 7515): taking it apart, checking and making its signature.
"""

import base64
import binascii
import re
from collections.abc import Iterable

import msgspec
from jwt.algorithms import (
    Algorithm,
    ECAlgorithm,
    HMACAlgorithm,
    OKPAlgorithm,
    RSAAlgorithm,
    RSAPSSAlgorithm,
)

from avance.errors import Unauthenticated
from avance.ports.auth import TokenLimits

HMAC: dict[str, Algorithm] = {
    "HS256": HMACAlgorithm(HMACAlgorithm.SHA256),
    "HS384": HMACAlgorithm(HMACAlgorithm.SHA384),
    "HS512": HMACAlgorithm(HMACAlgorithm.SHA512),
}
PUBLIC: dict[str, Algorithm] = {
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
    "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    "ES384": ECAlgorithm(ECAlgorithm.SHA384),
    "ES512": ECAlgorithm(ECAlgorithm.SHA512),
    "EdDSA": OKPAlgorithm(),
}
"""`none` is in neither table, and no algorithm is in both: a public key can never be taken for a shared secret."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


class Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str | None = None
    crit: msgspec.Raw = msgspec.Raw()


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    header: Header
    payload: bytes
    signing_input: bytes
    signature: bytes


_header = msgspec.json.Decoder(Header)


def parse(token: str, limits: TokenLimits) -> Signed:
    """
    Take a token apart, believing nothing of it.

    Raises:
        Unauthenticated: It is not a token that could be verified.
    """
    if len(token) > limits.token_bytes_max:
        raise refused(f"it has {len(token)} characters; the limit is {limits.token_bytes_max}")
    segments = token.split(".")
    if len(segments) != 3 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise refused("it is not three base64url segments")
    try:
        head, payload, signature = (_decode(segment) for segment in segments)
        header = _header.decode(head)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused("its header cannot be read") from error
    if header.alg not in HMAC and header.alg not in PUBLIC:
        raise refused(
            "its algorithm is not accepted; use HS, RS, PS or ES with 256, 384 or 512, or EdDSA"
        )
    if bytes(header.crit):
        raise refused("it demands an extension (crit) that is not known")
    signing_input = token.rpartition(".")[0].encode("ascii")
    return Signed(header=header, payload=payload, signing_input=signing_input, signature=signature)


def is_signed_by(signed: Signed, keys: Iterable[object]) -> bool:
    """
    Whether one of the keys, which the caller chose for this algorithm, made the signature.
    """
    algorithm = HMAC.get(signed.header.alg) or PUBLIC[signed.header.alg]
    return any(algorithm.verify(signed.signing_input, key, signed.signature) for key in keys)


def sign(payload: bytes, secret: bytes) -> str:
    """
    Sign with HS256.
    """
    signing_input = _encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + _encode(payload)
    signature = HMAC["HS256"].sign(signing_input, secret)
    return (signing_input + b"." + _encode(signature)).decode("ascii")


def refused(why: str) -> Unauthenticated:
    """
    The answer to a bad token; it never holds the token.
    """
    return Unauthenticated(f"the token is not valid: {why}", code="invalid_token")


def _decode(segment: str) -> bytes:
    return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
