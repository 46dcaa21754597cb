"""
The secret that signs our tokens where none was configured.
"""

import os
import secrets
from pathlib import Path

from avance.errors import ConfigError

SECRET_BYTES = 32
SECRET_FILE = "token-secret"


def load_secret(data: Path) -> bytes:
    """
    Read the secret of a data directory; make it on the first start, readable by its owner alone.

    Raises:
        ConfigError: The file cannot be written or read, or is not what was written.
    """
    path = data / SECRET_FILE
    try:
        data.mkdir(parents=True, exist_ok=True)
        _create(path)
        secret = path.read_bytes().strip()
        mode = path.stat().st_mode & 0o077
    except OSError as error:
        raise ConfigError(
            f"the token secret in {path} cannot be used ({error.strerror}); make the data directory writable or set AVANCE_TOKEN_SECRET",
            setting="data",
        ) from error
    if len(secret) < SECRET_BYTES:
        raise ConfigError(
            f"the token secret in {path} is cut short; remove the file, which signs everybody out",
            setting="data",
        )
    if mode and os.name == "posix":
        raise ConfigError(
            f"the token secret in {path} can be read by others; run: chmod 600 {path}",
            setting="data",
        )
    return secret


def _create(path: Path) -> None:
    """
    Put the whole file in place at once, unless another process was first.
    """
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_urlsafe(SECRET_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
