"""
The epoch of a channel is a keyed hash of its name, so that a channel nobody has written to has one as well, without a row.
"""

import base64
import hashlib
import secrets


def new_secret() -> str:
    return secrets.token_hex(16)


def epoch_of(secret: str, channel: str) -> str:
    digest = hashlib.blake2b(channel.encode(), digest_size=5, key=bytes.fromhex(secret)).digest()
    return base64.b32encode(digest).decode().lower()
