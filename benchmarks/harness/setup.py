"""
Build the generator and install the peers, once, under .cache/benchmarks; nothing of it touches the project's own environment.
"""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.harness.places import BENCHMARKS, BIN, CACHE, PEERS, PEERS_NODE, PEERS_VENV

STEP_TIMEOUT_S = 900


class SetupFailed(Exception):
    """
    A step of the setup failed; the message has what it printed.
    """


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=STEP_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise SetupFailed(
            f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}"
        )


def _is_current(stamp: Path, sources: list[Path]) -> bool:
    wanted = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    stamp.with_suffix(".next").write_text(wanted)
    return False


def _done(stamp: Path) -> None:
    stamp.with_suffix(".next").replace(stamp)


def build_load() -> None:
    _run(["make", "-s", "-C", str(BENCHMARKS / "load")], BENCHMARKS)


def install_python_peers() -> None:
    requirements = BENCHMARKS / "requirements-peers.txt"
    stamp = CACHE / "python-peers.stamp"
    if _is_current(stamp, [requirements]):
        return
    if not (PEERS_VENV / "bin" / "python").exists():
        venv.create(PEERS_VENV, with_pip=True)
    pip = [str(PEERS_VENV / "bin" / "python"), "-m", "pip", "install", "-q"]
    _run([*pip, "-r", str(requirements)], BENCHMARKS)
    _done(stamp)


def install_node_peers() -> None:
    wanted = [PEERS / "package.json", PEERS / "package-lock.json"]
    stamp = CACHE / "node-peers.stamp"
    if _is_current(stamp, wanted):
        return
    PEERS_NODE.mkdir(parents=True, exist_ok=True)
    for file in wanted:
        shutil.copy(file, PEERS_NODE)
    _run(["npm", "ci", "--silent"], PEERS_NODE)
    _done(stamp)


def build_go_peer() -> None:
    folder = PEERS / "centrifuge_go"
    stamp = CACHE / "go-peer.stamp"
    if _is_current(stamp, [folder / "main.go", folder / "go.mod", folder / "go.sum"]):
        return
    _run(["go", "build", "-trimpath", "-o", str(BIN / "centrifuge_go"), "."], folder)
    _done(stamp)


def prepare() -> None:
    """
    Everything that is missing; a peer whose toolchain is not here is named and left out.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    build_load()
    install_python_peers()
    for tool, install in (("npm", install_node_peers), ("go", build_go_peer)):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed; its peers are left out", file=sys.stderr)
            continue
        install()
