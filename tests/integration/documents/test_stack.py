"""
The development stack as shipped: its scripts really run, with processes in the place of containers (`docker_double`). docs/contract/ingest.md, 2.3.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import yaml
from free_port import free_port
from redis import Redis

from .following import bare, frames
from .test_ingest import course

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "deploy/docker/compose.yaml"
PORTS = {
    "API_PORT": 8030,
    "CONSOLE_PORT": 3030,
    "QDRANT_PORT": 6363,
    "OLLAMA_PORT": 11464,
    "REDIS_PORT": 6389,
    "POSTGRES_PORT": 5462,
}
pytestmark = pytest.mark.timeout(180)


class Stack:
    """
    Runs a script of the stack with ports of its own.
    """

    def __init__(self, folder: Path, redis: str, postgres: str) -> None:
        programs = folder / "programs"
        programs.mkdir()
        docker = programs / "docker"
        docker.write_text(
            f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("docker_double.py")} "$@"\n'
        )
        docker.chmod(0o755)
        self.folder = folder
        self.ports = {name: free_port() for name in PORTS}
        self._env = {
            **os.environ,
            **{name: str(port) for name, port in self.ports.items()},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "DOUBLE_STATE": str(folder),
            "DOUBLE_REDIS": redis,
            "DOUBLE_POSTGRES": postgres,
            "DEV_STATE": str(folder / "dev"),
        }

    def run(self, script: str) -> str:
        done = subprocess.run(
            [ROOT / "scripts" / script],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text(errors="replace")


@pytest.fixture
def stack(tmp_path: Path, redis_url: str, postgres_url: str) -> Iterator[Stack]:
    stack = Stack(tmp_path, redis_url, postgres_url)
    try:
        yield stack
    finally:
        stack.run("stop_dev.sh")


@pytest.fixture
def started(stack: Stack) -> str:
    return stack.run("start_dev.sh")


async def test_one_script_starts_everything_an_upload_goes_through_and_another_stops_it(
    stack: Stack, started: str, redis_url: str
) -> None:
    """
    000-33, 000-36, 000-T9, 000-T10, 000-34: server and worker share the queue by its one name, and no temporary directory.
    """
    api = f"http://127.0.0.1:{stack.ports['API_PORT']}"
    page = f"http://127.0.0.1:{stack.ports['CONSOLE_PORT']}"
    for told in (f"{api}/docs", f"{page}/console/", "redis-cli PSUBSCRIBE", "scripts/stop_dev.sh"):
        assert told in started
    async with httpx.AsyncClient(base_url=api, timeout=60) as http:
        files = {"file": ("tren.txt", b"El tren a Vigo sale a las siete.")}
        job_id = (await http.post("/ingest", files=files)).json()["job_id"]
        # As the page hears it, through the server of the page.
        said, code = await frames(page, f"/ws/jobs/{job_id}")
        last = {"status": "completed", "chunks": 1}
        assert [bare(one) for one in said] == course(job_id, last), stack.log("worker")
        assert code == 1000
        assert (await http.get(f"/v1/jobs/{job_id}")).json()["kind"].endswith("beside_rq.read")
        assert "Job OK" in stack.log("worker")
        html = await http.get(f"{page}/console/")
        assert (html.status_code, "<div id=" in html.text) == (200, True)
        assert (await http.get(f"{page}/health")).json()["status"] == "healthy"
    stack.run("stop_dev.sh")
    for place in (f"{api}/health", f"{page}/console/"):
        async with httpx.AsyncClient(timeout=60) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(place)
    with Redis.from_url(redis_url) as redis:
        assert redis.smembers("rq:workers") == set()


def test_the_front_end_builds_without_errors(tmp_path: Path) -> None:
    """
    000-36
    """
    out = tmp_path / "built"
    done = subprocess.run(
        [
            *("npm", "run", "build", "--silent", "--workspace", "console", "--"),
            *("--outDir", out, "--emptyOutDir", "--logLevel", "warn"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()
    assert "<script" in (out / "index.html").read_text()


def test_the_ports_and_names_of_the_stack_are_those_of_the_contract() -> None:
    """
    000-32, 000-35, 000-T13: in the stack and in the scripts of both shells.
    """
    stack = yaml.safe_load(COMPOSE.read_text())
    assert (COMPOSE.parent.name, "name" in stack) == ("docker", False)
    assert {"api", "worker", "redis", "postgres", "qdrant", "ollama"} == set(stack["services"])
    published = [port for one in stack["services"].values() for port in one.get("ports", [])]
    found = dict(
        re.fullmatch(r"127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+", one).groups() for one in published
    )
    assert {name: int(port) for name, port in found.items()} | {"CONSOLE_PORT": 3030} == PORTS
    for script in ("start_dev.sh", "start_dev.ps1"):
        text = (ROOT / "scripts" / script).read_text()
        for name in ("API_PORT", "CONSOLE_PORT", "QDRANT_PORT", "OLLAMA_PORT"):
            assert re.search(rf"{name}(:-|' '){PORTS[name]}\b", text), (script, name)
        for container in re.findall(r"docker-(\w+)-1", text):
            assert container in {*stack["services"], "$service"}
    for script in ("stop_dev.sh", "stop_dev.ps1"):
        assert "deploy/docker/compose.yaml down" in (ROOT / "scripts" / script).read_text()
