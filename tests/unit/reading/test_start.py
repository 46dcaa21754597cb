"""
The child that reads files begins without the server, and has it when it is needed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from avance.apps.reading import start

MODULE = """
import json
import sys


def main() -> int:
    from avance.apps.reading.kinds import Kind

    before = "avance.app" in sys.modules
    from avance import App
    from avance.apps.reading import Kind as same

    told = {"before": before, "name": App.__name__, "is_same": same is Kind}
    print(json.dumps(told))
    return 0
"""


def test_the_packages_above_a_reader_are_loaded_when_somebody_asks_for_what_is_in_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "a_reader.py").write_text(MODULE, "utf-8")
    told = subprocess.run(
        [sys.executable, "-P", str(start.__file__), "a_reader"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert json.loads(told.stdout) == {"before": False, "name": "App", "is_same": True}


def test_what_a_package_does_not_have_is_an_error_as_ever(tmp_path: Path) -> None:
    module = "def main() -> int:\n    from avance import Nothing\n    return 0\n"
    (tmp_path / "another_reader.py").write_text(module, "utf-8")
    told = subprocess.run(
        [sys.executable, "-P", str(start.__file__), "another_reader"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert told.returncode == 1
    assert b"ImportError" in told.stderr
    assert b"Nothing" in told.stderr
