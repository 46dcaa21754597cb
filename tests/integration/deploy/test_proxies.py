"""
The shipped proxy configurations, run in front of a real server: the upgrade passes, streams arrive while they are open.
"""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from free_port import free_port

DEPLOY = Path(__file__).parents[3] / "deploy"

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def nginx(server: int, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    shipped = (DEPLOY / "nginx/avance.conf").read_text()
    own = shipped.replace("listen 80;", f"listen 127.0.0.1:{port};").replace(
        "server 127.0.0.1:8030;", f"server 127.0.0.1:{server};"
    )
    assert own.count(str(port)) == 1
    assert own.count(str(server)) == 1
    scratch = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "avance.conf").write_text(own)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{scratch}include {tmp_path}/avance.conf;\n}}\n"
    )
    command = ["/usr/sbin/nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    yield from running(command, {}, f"http://127.0.0.1:{port}")


@pytest.fixture
def caddy(server: int, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    # Without the file of further ports, which a test must not take.
    config = tmp_path / "Caddyfile"
    config.write_text("{\n\tadmin off\n}\n" + (DEPLOY / "caddy/Caddyfile").read_text())
    environment = {
        "AVANCE_SITE": f"http://127.0.0.1:{port}",
        "AVANCE_UPSTREAMS": f"127.0.0.1:{server}",
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    command = ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]
    yield from running(command, environment, f"http://127.0.0.1:{port}")


def running(command: list[str], environment: dict[str, str], url: str) -> Iterator[str]:
    process = subprocess.Popen(
        command, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    )
    try:
        while not answers(url):
            if process.poll() is not None:
                assert process.stderr is not None
                pytest.fail(f"{command[0]} ended: {process.stderr.read()}")
            time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.communicate()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_the_doctor_finds_nothing_wrong_behind_the_shipped_configuration(
    proxy: str, request: pytest.FixtureRequest, doctor: Callable[[str], dict[str, str]]
) -> None:
    url: str = request.getfixturevalue(proxy)
    found = doctor(url)
    assert [name for name, verdict in found.items() if verdict != "ok"] == []
    assert {"server", "websocket", "stream"} <= set(found)


def test_a_proxy_without_the_upgrade_is_found_by_the_doctor(
    server: int, tmp_path: Path, doctor: Callable[[str], dict[str, str]]
) -> None:
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off;\nmaster_process off;\npid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port};"
        f" location / {{ proxy_pass http://127.0.0.1:{server}; proxy_buffering off; }} }} }}\n"
    )
    command = ["/usr/sbin/nginx", "-p", str(tmp_path), "-c", str(config)]
    for url in running(command, {}, f"http://127.0.0.1:{port}"):
        found = doctor(url)
    assert found["server"] == "ok"
    assert found["websocket"] == "failure"
