import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """
    The port of a running server.
    """
    directory = tmp_path_factory.mktemp("served")
    process = subprocess.Popen(
        [BIN / "avance", "serve", "--port", "0", "--data", directory / "data"],
        cwd=directory,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/docs", line):
                yield int(found[1])
                break
        else:
            pytest.fail("the server did not start")
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """
    The verdicts of `avance doctor` on the way to a server, by what they are about.
    """

    def examine(url: str) -> dict[str, str]:
        done = subprocess.run(
            [BIN / "avance", "doctor", "--json", "--url", url, "--data", tmp_path],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return {one["name"]: one["verdict"] for one in json.loads(done.stdout)}

    return examine
