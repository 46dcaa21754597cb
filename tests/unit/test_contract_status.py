import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_kept_promises_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/contract-status", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
