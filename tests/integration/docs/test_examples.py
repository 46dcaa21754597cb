"""
The programs that the documentation shows, run as a reader would run them.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
from websockets.asyncio.client import connect

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs/examples"

TOLD = {"stock_is_low": "pears: stock is low", "report": "report is ready"}

# Each starts two interpreters, which on a busy machine takes most of the usual time.
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AVANCE_")}
    return kept | {"PYTHONPATH": str(EXAMPLES), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def mounted(tmp_path: Path, environment: dict[str, str]) -> Iterator[str]:
    """
    The URL of avance inside somebody else's FastAPI app.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "mount:api", "--host", "127.0.0.1", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None
    log = ""
    try:
        for line in server.stdout:
            log += line
            if found := re.search(r"running on (http://\S+)", line):
                yield f"{found[1]}/avance"
                break
        else:
            pytest.fail(f"the server did not start:\n{log}")
    finally:
        server.terminate()
        server.communicate()


@pytest.fixture
def served(
    request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]
) -> Iterator[str]:
    """
    The URL of an app of the examples, served alone.
    """
    avance = Path(sys.executable).parent / "avance"
    server = subprocess.Popen(
        [avance, "serve", f"{request.param}:app", "--port", "0", "--data", tmp_path / "data"],
        cwd=EXAMPLES,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        for line in server.stdout:
            if found := re.search(r"(http://\S+)/docs", line):
                yield found[1]
                break
        else:
            pytest.fail("the server did not start")
    finally:
        server.terminate()
        server.communicate()


@pytest.mark.parametrize("served", ["shelf"], indirect=True)
async def test_an_app_keeps_rows_of_its_own(served: str) -> None:
    async with httpx.AsyncClient(base_url=served, timeout=60) as http:
        results = []
        for count in (2, 3):
            submit = {"task": "shelf.put", "params": {"name": "pears", "count": count}}
            job = (await http.post("/v1/jobs", json=submit)).json()
            path, seq = f"/v1/jobs/{job['id']}", 0
            while "result" not in job:
                page = await http.get(f"{path}/events", params={"since": seq, "wait_s": 5})
                seq = max((event["seq"] for event in page.json()["events"]), default=seq)
                job = (await http.get(path)).json()
            results.append(job["result"])
    assert results == [2, 5]


@pytest.mark.parametrize("served", ["steps"], indirect=True)
async def test_an_app_speaks_its_own_words_on_its_own_socket(served: str) -> None:
    async with httpx.AsyncClient(base_url=served, timeout=60) as http:
        submit = {"task": "steps.climb", "params": {"steps": 3}}
        job = (await http.post("/v1/jobs", json=submit)).json()
    async with connect(f"{served.replace('http', 'ws', 1)}/ws/steps/{job['id']}") as connection:
        said = [json.loads(frame) async for frame in connection]
    assert said[0] == {"type": "hello"}
    assert [frame["state"] for frame in said[1:]] == ["queued", "running", "completed"]
    assert connection.close_code == 1000


def test_a_script_submits_follows_and_reads_the_result(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "submit.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "queued None"
    assert lines[-2:] == ["completed 100.0", "{'pages': 20}"]


def test_the_stock_client_follows_a_job_of_a_mounted_app(mounted: str) -> None:
    done = subprocess.run(
        ["node", EXAMPLES / "watch.mjs", mounted], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    shown = [line.split() for line in done.stdout.splitlines()]
    assert shown[-1] == ["completed", "100"]
    percents = [float(percent) for _, percent in shown if percent != "null"]
    assert percents == sorted(percents)


def test_a_job_begins_with_the_commit_of_the_readers_own_transaction(
    tmp_path: Path, environment: dict[str, str], postgres_url: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as own:
        own.execute("CREATE TABLE orders (id TEXT PRIMARY KEY)")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "orders.py", postgres_url],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(postgres_url) as own:
        kept = own.execute(
            "SELECT job ->> 'id' FROM (SELECT convert_from(job, 'UTF8')::json AS job FROM avance.outbox) AS waiting"
        ).fetchall()
        kept += own.execute("SELECT id FROM avance.jobs").fetchall()
    assert kept == [(done.stdout.split()[-1],)]


@pytest.mark.parametrize("served", ["notices"], indirect=True)
async def test_an_app_tells_its_users_something(served: str) -> None:
    tasks = {"stock_is_low": {"user": "dev", "product": "pears"}, "report": {"month": "May"}}
    titles: list[str] = []
    async with httpx.AsyncClient(base_url=served, timeout=60) as http:
        for name, params in tasks.items():
            submit = {"task": f"notices.{name}", "params": params, "title": name}
            job = (await http.post("/v1/jobs", json=submit)).json()
            while job["state"] != "completed" or not titles or titles[0] != TOLD[name]:
                job = (await http.get(f"/v1/jobs/{job['id']}")).json()
                inbox = (await http.get("/v1/inbox")).json()
                titles = [one["title"] for one in inbox["notifications"]]
    assert titles == ["report is ready", "pears: stock is low"]
