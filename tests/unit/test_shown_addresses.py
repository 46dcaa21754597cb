"""
An address that is printed says nothing of its password.
"""

import pytest

from avance.cli.shown import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///avance-data/avance.db", "sqlite:///avance-data/avance.db"),
        ("postgresql://db/jobs", "postgresql://db/jobs"),
        ("postgresql://ana@db:5432/jobs", "postgresql://ana@db:5432/jobs"),
        ("postgresql://ana:pa@ss@db:5432/jobs", "postgresql://ana:…@db:5432/jobs"),
        ("postgresql://:secret@[::1]:5432/jobs", "postgresql://:…@[::1]:5432/jobs"),
        (
            "postgresql://db/jobs?user=ana&password=secret&sslmode=require",
            "postgresql://db/jobs?user=ana&password=…&sslmode=require",
        ),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
