"""
`avance jobs` and `avance doctor` against a running server, with and without obstacles in between.
"""

import json
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from free_port import free_port

Head = Callable[[bytes], bytes | None]


def submit(avance: Any, url: str, *arguments: str) -> str:
    result = avance("jobs", "submit", *arguments, url=url)
    assert result.exit_code == 0, result.output
    job_id: str = result.output.strip()
    return job_id


def test_a_job_is_submitted_and_watched_to_its_end(avance, demo) -> None:
    result = avance(
        "jobs", "submit", "demo.count", "steps=5", "pause_s=0.01", "--watch", url=demo.url
    )
    assert result.exit_code == 0, result.output
    assert "completed" in result.output
    assert "100%" in result.output
    assert result.output.rstrip().endswith("5")


def test_watching_as_json_brings_the_snapshot_and_every_later_event_once(avance, demo) -> None:
    job_id = submit(avance, demo.url, "demo.document", "pages=20")
    result = avance("jobs", "watch", job_id, "--json", url=demo.url)
    events = [json.loads(line) for line in result.output.splitlines()]
    assert events[0]["type"] == "snapshot"
    numbers = [event["seq"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    last = events[-1]
    assert last.get("to", last.get("job", {}).get("state")) == "completed"


def test_the_exit_code_tells_how_it_ended(avance, demo) -> None:
    failing = submit(avance, demo.url, "demo.fail", "times=3")
    result = avance("jobs", "watch", failing, url=demo.url)
    assert result.exit_code == 1
    assert "was meant to fail" in result.output
    waiting = submit(avance, demo.url, "demo.wait", "seconds=600")
    assert avance("jobs", "cancel", waiting, url=demo.url).exit_code == 0
    assert avance("jobs", "watch", waiting, url=demo.url).exit_code == 3


def test_jobs_are_listed_shown_and_retried(avance, demo) -> None:
    job_id = submit(avance, demo.url, "demo.wait", "seconds=600", "--title", "Long wait")
    avance("jobs", "cancel", job_id, url=demo.url)
    listed = avance("jobs", "ls", "--state", "cancelled", "--text", "long", url=demo.url)
    assert job_id in listed.output
    assert "Long wait" in listed.output
    shown = json.loads(avance("jobs", "show", job_id, "--json", url=demo.url).output)
    assert shown["state"] == "cancelled"
    again = avance("jobs", "retry", job_id, url=demo.url).output.strip()
    retried = json.loads(avance("jobs", "show", again, "--json", url=demo.url).output)
    assert retried["retry_of"] == job_id
    avance("jobs", "cancel", again, url=demo.url)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["jobs", "show", "nothing"], "job_not_found"),
        (["jobs", "submit", "demo.nothing"], "unknown_task"),
        (["jobs", "submit", "demo.count", "steps=x"], "invalid_params"),
        (["jobs", "submit", "demo.count", "steps"], "NAME=VALUE"),
        (["jobs", "ls", "--state", "lost"], "invalid_query"),
    ],
)
def test_a_refusal_is_one_line_with_its_code(avance, demo, arguments: list[str], word: str) -> None:
    result = avance(*arguments, url=demo.url)
    assert result.exit_code != 0
    assert word in result.output
    assert "Traceback" not in result.output


def test_nobody_there_is_told_with_the_way_out(avance) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        result = avance("jobs", "ls", url=url)
    assert result.exit_code == 1
    assert "avance serve" in result.output
    assert avance("jobs", "ls", url="nonsense").exit_code == 1


def test_control_characters_of_a_job_do_not_reach_the_terminal(avance, demo) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    job_id = submit(avance, demo.url, "demo.wait", "seconds=600", "--title", f"a{evil}b")
    try:
        for command in (["jobs", "ls"], ["jobs", "show", job_id]):
            output = avance(*command, url=demo.url).output
            assert job_id in output
            assert "\x1b" not in output
            assert "\x07" not in output
    finally:
        avance("jobs", "cancel", job_id, url=demo.url)


def test_watching_goes_on_over_a_killed_and_restarted_server(
    serve, start, told, tmp_path: Path
) -> None:
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    with serve(tmp_path, "demo", "--port", port) as first:
        submitting = start(
            tmp_path, "jobs", "submit", "demo.count", "steps=40", "pause_s=0.05", "--watch",
            "--url", url,
        )  # fmt: skip
        # It has seen the job run before the server is gone.
        seen = told(submitting, "running")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(30)
        with serve(tmp_path, "demo", "--port", port):
            seen += told(submitting, "completed")
            assert submitting.wait(30) == 0
    submitting.stdout.close()
    percents = [int(found) for found in re.findall(r"(\d+)%", seen)]
    assert percents == sorted(percents)
    assert "attempt 2" in seen


@contextmanager
def proxy(target: str, on_head: Head) -> Iterator[str]:
    """
    A proxy that may answer by itself once it has read the head of a request.
    """
    host, port = target.removeprefix("http://").split(":")
    listener = socket.create_server(("127.0.0.1", 0))
    is_open = True

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # The other direction has ended the connection.
            return

    def handle(client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(65_536)
                if not data:
                    return
                head += data
            own = on_head(head)
            if own is not None:
                client.sendall(own)
                return
            with socket.create_connection((host, int(port))) as server:
                # One request for each connection, so that every head is seen.
                server.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join(20)

    def accept() -> None:
        while is_open:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        is_open = False
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def without_upgrade(head: bytes) -> bytes | None:
    if b"upgrade: websocket" in head.lower():
        return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    return None


def test_the_doctor_finds_nothing_wrong_with_a_good_server(avance, demo, tmp_path: Path) -> None:
    result = avance("doctor", "--data", str(tmp_path), "--json", url=demo.url)
    verdicts = {one["name"]: one["verdict"] for one in json.loads(result.output)}
    assert result.exit_code == 0, result.output
    assert {"settings", "server", "clock", "services", "websocket", "stream"} <= set(verdicts)
    assert verdicts["websocket"] == verdicts["stream"] == verdicts["clock"] == "ok"


def test_the_doctor_asks_the_servers_that_the_settings_name(
    avance, tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    given = ("--data", str(tmp_path), "--json", "--store", postgres_url)
    findings = {}
    for bus in (redis_url, "redis://127.0.0.1:1/0"):
        result = avance("doctor", *given, AVANCE_BUS=bus)
        findings = {one["name"]: one for one in json.loads(result.output)}
        assert findings["store"]["verdict"] == "ok"
        assert findings["store"]["detail"].startswith("PostgreSQL 1")
        assert findings["bus"]["verdict"] == ("ok" if bus == redis_url else "failure")
    assert "redis://127.0.0.1:1" in findings["bus"]["detail"]
    assert "AVANCE_BUS" in findings["bus"]["remedy"]


def test_the_doctor_finds_a_proxy_without_upgrade(avance, demo, tmp_path: Path) -> None:
    with proxy(demo.url, without_upgrade) as url:
        result = avance("doctor", "--data", str(tmp_path), "--json", "--url", url)
    findings = {one["name"]: one for one in json.loads(result.output)}
    assert result.exit_code == 1
    assert findings["server"]["verdict"] == "ok"
    assert findings["websocket"]["verdict"] == "failure"
    assert "400" in findings["websocket"]["detail"]
    assert "proxy_set_header Upgrade" in findings["websocket"]["remedy"]


def test_watching_works_behind_a_proxy_without_upgrade(avance, demo) -> None:
    with proxy(demo.url, without_upgrade) as url:
        result = avance(
            "jobs", "submit", "demo.count", "steps=3", "pause_s=0.1", "--watch", url=url
        )
    assert result.exit_code == 0, result.output
    assert "asking over HTTP" in result.output
    assert "completed" in result.output


class WrongClock(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status":"healthy","version":"0.0.0","timestamp":"2001-01-01T00:00:00.000Z","parts":{}}'
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """
        Tests are quiet.
        """


def test_the_doctor_finds_a_wrong_clock_and_another_version(avance, tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), WrongClock) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        result = avance("doctor", "--data", str(tmp_path), "--json", "--url", url)
        server.shutdown()
        thread.join(5)
    findings = {one["name"]: one for one in json.loads(result.output)}
    assert result.exit_code == 1
    assert findings["clock"]["verdict"] == "failure"
    assert "behind" in findings["clock"]["detail"]
    assert findings["server"]["verdict"] == "warning"


def test_the_doctor_names_a_wrong_setting_and_a_missing_server(avance, tmp_path: Path) -> None:
    result = avance("doctor", "--data", str(tmp_path), url="http://127.0.0.1:1", AVANCE_PROT="1")
    assert result.exit_code == 1
    assert "AVANCE_PORT" in result.output
    assert "avance serve" in result.output


def test_the_doctor_names_a_service_that_is_not_there(avance, tmp_path: Path) -> None:
    result = avance(
        "doctor", "--data", str(tmp_path), "--json", url="http://127.0.0.1:1",
        AVANCE_AUTH="token", AVANCE_JWKS_URL="http://127.0.0.1:1/keys", AVANCE_TOKEN_SECRET="short",
    )  # fmt: skip
    findings = {one["name"]: one for one in json.loads(result.output)}
    assert findings["keys"]["verdict"] == "failure"
    assert findings["secret"]["verdict"] == "warning"
    assert "short" not in result.output.replace("shorten", "")
