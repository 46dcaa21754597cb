"""
Who sent this: an HMAC over time and body, and tokens that are good for one request.
"""

import hashlib
import hmac
from collections.abc import Mapping

from avance.apps.ocr.errors import NotAuthentic

TIMESTAMP = "X-Avance-Timestamp"
SIGNATURE = "X-Avance-Signature"


def signed(secret: str, now_s: int, body: bytes) -> dict[str, str]:
    """
    The headers of a request with this body.
    """
    return {TIMESTAMP: str(now_s), SIGNATURE: f"sha256={_mac(secret.encode(), now_s, body)}"}


def verify(
    secret: str, timestamp: str, signature: str, body: bytes, *, now_s: int, age_s_max: float
) -> None:
    """
    Raises:
        NotAuthentic: It is another's, or too old.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotAuthentic(f"{TIMESTAMP} is {timestamp[:20]!r}, not a Unix time in seconds")
    if abs(now_s - int(timestamp)) > age_s_max:
        raise NotAuthentic(f"the signature is older than {age_s_max:.0f} s; sign it anew")
    wanted = f"sha256={_mac(secret.encode(), int(timestamp), body)}"
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise NotAuthentic("the signature is not that of this body")


def is_signed(
    secret: str | None, headers: Mapping[str, str], body: bytes, *, now_s: int, age_s_max: float
) -> bool:
    """
    Whether a request is signed at all; if it is, it is signed well.

    Args:
        headers: By names in lower case, or whatever their case is.

    Raises:
        NotAuthentic: The signature is another's or too old, or there is no secret to compare with.
    """
    timestamp, signature = (headers.get(name.lower()) for name in (TIMESTAMP, SIGNATURE))
    if timestamp is None and signature is None:
        return False
    if secret is None:
        raise NotAuthentic("signatures are not taken here: OCR_ENGINE_SECRET is not set")
    verify(secret, timestamp or "", signature or "", body, now_s=now_s, age_s_max=age_s_max)
    return True


def request_token(secret: str, request_id: str) -> str:
    """
    The token of a request's callbacks where no table keeps one: whoever has the secret can make it again.
    """
    return hmac.new(secret.encode(), f"callback.{request_id}".encode(), hashlib.sha256).hexdigest()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def link_signature(key: bytes, document_id: str, expires_s: int) -> str:
    """
    Of a link to the file of a document.
    """
    return hmac.new(key, f"{expires_s}.{document_id}".encode(), hashlib.sha256).hexdigest()


def _mac(secret: bytes, now_s: int, body: bytes) -> str:
    return hmac.new(secret, str(now_s).encode() + b"." + body, hashlib.sha256).hexdigest()
