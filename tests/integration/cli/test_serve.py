"""
`avance serve` and `avance worker`: starting, refusing to start, stopping.
"""

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

APP = """
import time
from avance import Avance, Job

shop = Avance()

@shop.task(expose=True)
def slow(job: Job, seconds: float = 60.0) -> str:
    job.progress(percent=1, message="begun")
    time.sleep(seconds)
    return "done"

@shop.task(expose=True)
def quick(a: int) -> int:
    return a + 1
"""


def get(url: str, **headers: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "shop_app.py").write_text(APP)
    return tmp_path


def test_it_serves_an_app_from_the_current_directory_and_stops_in_order(
    serve, directory: Path
) -> None:
    with serve(directory, "serve", "shop_app:shop", "--port", "0", "--processes", "1") as server:
        assert get(f"{server.url}/health")["status"] == "healthy"
        names = [task["name"] for task in get(f"{server.url}/v1/tasks")["tasks"]]
        assert {"shop_app.quick", "shop_app.slow"} <= set(names)
        with connect(server.url.replace("http", "ws") + "/connection/websocket") as client:
            client.send('{"id":1,"connect":{}}')
            assert "connect" in json.loads(client.recv(5))
            assert server.stop() == 0
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 3001
    assert (directory / "avance-data" / "avance.db").exists()


def test_what_was_submitted_before_a_kill_is_there_after_it(serve, directory: Path, avance) -> None:
    arguments = ("serve", "shop_app:shop", "--port", "0", "--processes", "1")
    with serve(directory, *arguments) as server:
        made = avance("jobs", "submit", "shop_app.quick", "a=1", "--delay", "3600", url=server.url)
        assert made.exit_code == 0, made.output
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    with serve(directory, *arguments) as server:
        shown = avance("jobs", "show", made.output.strip(), "--json", url=server.url)
        assert json.loads(shown.output)["state"] == "scheduled"


def test_a_second_signal_ends_it_at_once(serve, directory: Path, avance) -> None:
    with serve(
        directory, "serve", "shop_app:shop", "--port", "0", "--processes", "1",
        env={"AVANCE_DRAIN_S": "3600"},
    ) as server:  # fmt: skip
        made = avance("jobs", "submit", "shop_app.slow", url=server.url).output.strip()
        events = f"{server.url}/v1/jobs/{made}/events?since=2&wait_s=10"
        assert get(events)["events"]
        server.process.send_signal(signal.SIGTERM)
        # The port is closed before anything else is done about the first signal.
        port = int(server.url.rsplit(":", 1)[1])
        while _is_listening(port):
            pass
        assert server.stop(signal.SIGINT) == 130


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_public_bind_in_open_mode_refuses_to_start_without_the_flag(
    serve, start, directory: Path
) -> None:
    process = start(directory, "serve", "--host", "0.0.0.0", "--port", "0")
    assert process.wait(30) == 1
    process.stdout.close()
    message = (directory / "stderr.txt").read_text()
    assert "0.0.0.0" in message
    assert "AVANCE_AUTH=token" in message
    with serve(
        directory, "serve", "--host", "0.0.0.0", "--port", "0", "--allow-open-bind"
    ) as server:
        assert get(f"{server.url}/health")["status"] == "healthy"


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        (["--port", "70000"], {}, ["port", "70000", "from 0 to 65535"]),
        ([], {"AVANCE_PROT": "1"}, ["AVANCE_PROT", "AVANCE_PORT"]),
        ([], {"AVANCE_AUTH": "opne"}, ["auth", "opne", "open, token"]),
        (["--config", "nothing.toml"], {}, ["nothing.toml"]),
        (["nothing_here:app"], {}, ["nothing_here"]),
        (["shop_app:nothing"], {}, ["shop_app:nothing", "shop"]),
        (["--host", "198.51.100.7", "--allow-open-bind"], {}, ["198.51.100.7"]),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(
    avance, directory: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str],
    env: dict[str, str], words: list[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(directory)
    result = avance("serve", *arguments, **env)
    assert result.exit_code == 1
    for word in words:
        assert word in result.output


def test_a_port_that_is_taken_is_named(avance, directory: Path, monkeypatch) -> None:
    monkeypatch.chdir(directory)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = avance("serve", "--port", str(port))
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}" in result.output
    assert "--port" in result.output


def test_a_worker_runs_what_a_server_without_processes_takes(
    serve, start, told, directory: Path, avance
) -> None:
    with serve(directory, "serve", "shop_app:shop", "--port", "0", "--processes", "0") as server:
        made = avance("jobs", "submit", "shop_app.quick", "a=41", url=server.url).output.strip()
        worker = start(directory, "worker", "shop_app:shop", "--processes", "1")
        try:
            told(worker, "shop_app.quick")
            watched = avance("jobs", "watch", made, url=server.url)
            assert watched.exit_code == 0, watched.output
            assert "42" in watched.output
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0
        finally:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
            worker.stdout.close()


def test_a_worker_without_tasks_says_how_to_name_them(avance, directory: Path, monkeypatch) -> None:
    monkeypatch.chdir(directory)
    # As where no extra is installed: the systems that are shipped have tasks of their own.
    monkeypatch.setattr("avance.app.extension.entry_points", lambda group: ())
    result = avance("worker")
    assert result.exit_code == 1
    assert "module:app" in result.output


def test_a_token_of_the_command_line_opens_a_server_in_token_mode(
    serve, directory: Path, avance
) -> None:
    with serve(
        directory, "serve", "shop_app:shop", "--port", "0", "--auth", "token", "--processes", "1"
    ) as server:
        data = str(directory / "avance-data")
        token = avance("token", "ana", "--data", data, "--role", "sender").output.strip()
        assert token.count(".") == 2
        refused = avance("jobs", "ls", url=server.url)
        assert refused.exit_code == 1
        assert "401" in refused.output
        result = avance(
            "jobs", "submit", "shop_app.quick", "a=1", "--watch", url=server.url,
            AVANCE_TOKEN=token,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert "completed" in result.output
    secret = directory / "avance-data" / "token-secret"
    assert os.stat(secret).st_mode & 0o777 == 0o600


def test_the_version_is_told(avance) -> None:
    assert avance("--version").output.startswith("avance, version ")


def test_the_access_log_shows_no_credentials(serve, directory: Path) -> None:
    env = {"AVANCE_ACCESS_LOG": "true"}
    with serve(directory, "serve", "--port", "0", "--processes", "0", env=env) as server:
        get(f"{server.url}/health?token=abc.def.ghi")
        assert server.stop() == 0
    log = (directory / "stderr.txt").read_text()
    assert "/health?token=***" in log
    assert "abc.def.ghi" not in log
