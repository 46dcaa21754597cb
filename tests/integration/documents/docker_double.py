"""
In the place of `docker` where no containers can run: the commands of a compose file, with its environment, as processes of this machine.

Each service of our own gets a directory of its own for temporary files, and named volumes are folders. Redis and PostgreSQL are the servers that
the environment names, Qdrant and Ollama a server that says it is well.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import yaml

STATE = Path(os.environ["DOUBLE_STATE"])
REDIS, POSTGRES = os.environ["DOUBLE_REDIS"], os.environ["DOUBLE_POSTGRES"]
PIDS = STATE / "pids.json"
BIN = Path(sys.executable).parent
WAIT_S = 60.0


def main(arguments: list[str]) -> int:
    compose, option, file, verb, *more = arguments
    assert (compose, option) == ("compose", "-f"), arguments
    stack = yaml.safe_load(Path(file).read_text())
    match verb, more:
        case "up", ["--build", "--detach"]:
            up(stack, Path(file).parent)
        case "ps", ["--services", "--status", "running"]:
            print("\n".join(name for name, pid in pids().items() if is_alive(pid)))
        case "down", []:
            down()
        case _:
            raise SystemExit(f"the double knows no {arguments}")
    return 0


def up(stack: dict[str, Any], folder: Path) -> None:
    started = {}
    for name in ("redis", "postgres", "qdrant", "ollama", "api", "worker"):
        service = stack["services"][name]
        started[name] = start(name, service, folder)
        PIDS.write_text(json.dumps(started))
    wait_healthy(stack["services"]["api"])


def start(name: str, service: dict[str, Any], folder: Path) -> int:
    log = (STATE / f"{name}.log").open("ab")
    command = [sys.executable, __file__, "--well", str(port_of(service))]
    if name in ("redis", "postgres"):
        # The servers that the environment names run already; this stands for their containers.
        command = ["sleep", "600"]
    env = dict(os.environ)
    if "build" in service:
        mounts = mounts_of(service, folder)
        command = [moved(part, mounts) for part in service["command"]]
        temporary = STATE / name
        temporary.mkdir()
        env |= environment(service, mounts, temporary)
    process = subprocess.Popen(
        command, cwd=STATE, env=env, stdout=log, stderr=log, start_new_session=True
    )
    return process.pid


def mounts_of(service: dict[str, Any], folder: Path) -> dict[str, str]:
    mounts = {}
    for mount in service["volumes"]:
        source, target = mount.split(":")[:2]
        is_file = source.startswith(".")
        mounts[target] = str((folder / source).resolve() if is_file else STATE / source)
    return mounts


def environment(service: dict[str, Any], mounts: dict[str, str], temporary: Path) -> dict[str, str]:
    stated = {name: moved(value, mounts) for name, value in service["environment"].items()}
    assert stated["AVANCE_STORE"].split("@")[1] == "postgres:5432/avance"
    assert stated["REDIS_URL"] == "redis://redis:6379/0"
    return {
        **stated,
        # What names inside the network lead to, and the port that is published.
        "AVANCE_STORE": POSTGRES,
        "REDIS_URL": REDIS,
        "AVANCE_HOST": "127.0.0.1",
        "AVANCE_PORT": str(port_of(service)),
        "TMPDIR": str(temporary),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }


def moved(text: str, mounts: dict[str, str]) -> str:
    exact = mounts.get(text)
    if exact is not None:
        return exact
    # A folder of which one file is mounted.
    inside = next(
        (source for target, source in mounts.items() if Path(target).parent == Path(text)), None
    )
    return text if inside is None or text == "/" else str(Path(inside).parent)


def port_of(service: dict[str, Any]) -> int:
    if not service.get("ports"):
        return 0
    (published,) = service["ports"]
    name, default = re.fullmatch(r"127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+", published).groups()
    return int(os.environ.get(name, default))


def wait_healthy(service: dict[str, Any]) -> None:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port_of(service)}/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit((STATE / "api.log").read_text())


def pids() -> dict[str, int]:
    found: dict[str, int] = json.loads(PIDS.read_text())
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def down() -> None:
    for pid in pids().values():
        if is_alive(pid):
            os.killpg(pid, signal.SIGTERM)
    for pid in pids().values():
        while is_alive(pid):
            time.sleep(0.02)
    PIDS.write_text("{}")


class Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")


if __name__ == "__main__":
    if sys.argv[1] == "--well":
        HTTPServer(("127.0.0.1", int(sys.argv[2])), Well).serve_forever()
    sys.exit(main(sys.argv[1:]))
