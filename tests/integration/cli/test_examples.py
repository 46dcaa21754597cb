"""
Every example starts with its one command and does what it says.
"""

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

EXAMPLES = Path(__file__).parents[3] / "examples"


def call(url: str, method: str = "GET") -> Any:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        content = answer.read()
    return json.loads(content) if content.startswith((b"{", b"[")) else content.decode()


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """
    A copy, so that no data is left behind.
    """

    def copy(name: str) -> Path:
        return Path(shutil.copytree(EXAMPLES / name, tmp_path / name))

    return copy


@contextmanager
def uvicorn(directory: Path, target: str, told: Any) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", target, "--port", "0"],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        words = told(process, "(Press CTRL+C to quit)").split()
        yield next(word for word in words if word.startswith("http://"))
        process.terminate()
        assert process.wait(30) in (0, -15)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def end_of(url: str, patience: Callable[[float], float]) -> Any:
    """
    Follow a job by long polls to its end.
    """
    deadline_s = time.monotonic() + patience(15)
    while time.monotonic() < deadline_s:
        job = call(url)
        if job["state"] in ("completed", "failed", "cancelled", "expired"):
            return job
        call(f"{url}/events?since={job['seq']}&wait_s=5")
    raise AssertionError(f"{url} has not ended")


def test_plain(serve, example, avance) -> None:
    with serve(example("plain"), "serve", "shop:app", "--port", "0", "--processes", "1") as server:
        made = avance(
            "jobs", "submit", "shop.invoice", "customer=Ana", "items=3", "--watch", url=server.url
        )
        assert made.exit_code == 0, made.output
        assert '"total": 29.97' in made.output
        sent = avance(
            "jobs", "submit", "shop.send", "address=a@b.example", "--watch", url=server.url
        )
        assert sent.exit_code == 0, sent.output
        assert "sent to a@b.example" in sent.output


def test_in_fastapi(example, told, patience) -> None:
    with uvicorn(example("in_fastapi"), "main:api", told) as url:
        made = call(f"{url}/reports?year=2026", "POST")
        job = end_of(f"{url}/avance/v1/jobs/{made['job_id']}", patience)
        assert job["result"]["2026-12"] == 84
        assert call(f"{url}/reports/{made['job_id']}") == {"state": "completed", "percent": 100.0}


def test_in_starlette(example, told) -> None:
    with uvicorn(example("in_starlette"), "main:site", told) as url:
        assert "<h1>Brew</h1>" in call(url)
        made = call(f"{url}/brew", "POST")
        socket_url = f"{url.replace('http', 'ws')}/avance/connection/websocket"
        states, percents = [], []
        with connect(socket_url) as client:
            connecting = {"id": 1, "connect": {"token": made["token"]}}
            subscribing = {
                "id": 2,
                "subscribe": {"channel": made["channel"], "token": made["token"]},
            }
            client.send(f"{json.dumps(connecting)}\n{json.dumps(subscribing)}")
            while "completed" not in states:
                for line in str(client.recv(10)).split("\n"):
                    reply = json.loads(line)
                    assert "error" not in reply
                    pushed = reply.get("push", {}).get("pub")
                    listed = reply.get("subscribe", {}).get("publications", ())
                    for publication in [pushed] if pushed else listed:
                        event = publication["data"]
                        job = event.get("job", event)
                        states.append(event.get("to") or job.get("state"))
                        percents.append(job.get("progress", {}).get("percent"))
        shown = [percent for percent in percents if percent is not None]
        assert shown == sorted(shown)
        assert shown[-1] == 100


def test_external_work(example, told, patience) -> None:
    with uvicorn(example("external_work"), "main:api", told) as url:
        order = call(f"{url}/orders", "POST")["job_id"]
        job_url = f"{url}/avance/v1/jobs/{order}"
        call(f"{url}/orders/{order}/packed?parcels=1", "POST")
        assert call(f"{job_url}/events?since=1&wait_s=5")["events"]
        call(f"{url}/orders/{order}/packed?parcels=3", "POST")
        assert end_of(job_url, patience)["result"] == {"parcels": 3}
