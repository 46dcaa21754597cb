import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from avance.backends.tokens import load_secret
from avance.errors import ConfigError


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    secret = load_secret(data)
    assert len(secret) >= 32
    assert load_secret(data) == secret
    (file,) = data.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: load_secret(tmp_path), range(32)))
    assert len(secrets) == 1


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_secret(tmp_path)
    (tmp_path / "token-secret").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_secret(tmp_path)


def test_a_secret_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    load_secret(tmp_path)
    (tmp_path / "token-secret").write_bytes(b"short")
    with pytest.raises(ConfigError, match="cut short"):
        load_secret(tmp_path)


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=f"AVANCE_TOKEN_SECRET{os.curdir}?$"):
        load_secret(tmp_path / "file" / "data")
