"""
The console in a real browser against a real server.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

AREAS = Path(__file__).parents[2] / "console/src/areas"
EVERYTHING = ("serve", "gated_app:app")
HERE = str(Path(__file__).parent)
KEYS = "key-of-ana-00001=ana,key-of-bob-00001=bob,key-of-eva-00001=eva,key-of-root-0001=root:admin"
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def server(run_server: Any) -> Iterator[Any]:
    """
    The demo's tasks beside all systems, for one user without a password. The first test of this file finds it empty.
    """
    with run_server(*EVERYTHING, environment={"PYTHONPATH": HERE, "AVANCE_DRAIN_S": "1"}) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(run_server: Any) -> Iterator[Any]:
    """
    One where each test signs in as users of its own.
    """
    environment = {
        "PYTHONPATH": HERE,
        "AVANCE_AUTH": "token",
        "AVANCE_API_KEYS": KEYS,
        "AVANCE_DRAIN_S": "1",
    }
    with run_server(*EVERYTHING, environment=environment) as server:
        yield server


def test_a_job_is_submitted_watched_and_still_there_after_a_reload(server, drive) -> None:
    told = drive("console.mjs", server.url)
    assert told["home"] == f"{server.url}/console/"
    assert told["problem"] == "Escribe un número entero"
    first, last = told["percents"]
    assert 0 < first < 100
    assert last == 100
    assert told["result"] == {"name": "report.pdf", "pages": 30}
    assert told["title"] == "report.pdf – avance"
    gate, *others = told["input"]["args"]
    assert gate.endswith("/gate")
    assert (others, told["input"]["kwargs"]) == (["report.pdf", 30], {})
    assert told["filtered"] == 1
    assert told["address"] == "/console/jobs?state=completed&task=demo.gated"
    assert told["none"] == "Ningún trabajo cumple este filtro"
    assert told["sides"][0] == "el registro de eventos"
    assert told["alert"] == "attempt 3 was meant to fail"
    assert told["language"] == "en"
    assert told["overflow"] == 0
    assert told["foreign"] == []
    assert told["errors"] == []


def test_in_token_mode_one_signs_in_and_an_ended_session_asks_again(guarded, drive) -> None:
    told = drive("sign_in.mjs", guarded.url, "key-of-eva-00001")
    assert told["refused"] == "El servidor no lo acepta"
    assert told["kept"] == ["avance.session"]
    assert told["secretIsKept"] is False
    assert told["live"] == "En directo"
    assert told["afterReload"] == "Trabajos"
    assert told["expired"] == "La sesión ha caducado. Inicia sesión otra vez."
    assert told["left"] == "Has cerrado la sesión."
    assert told["keptWhileIn"] == 2
    assert told["keptWhenLeft"] == []
    assert told["errors"] == []


def test_without_a_mouse_one_submits_watches_cancels_and_reads(server, drive) -> None:
    told = drive("keyboard.mjs", server.url)
    assert told["first"] == "Skip to the content"
    assert told["skipped"] == "content"
    assert told["selected"] == "1 selected"
    assert told["cancelled"]
    assert told["announced"]
    assert told["toasts"] == 1
    assert told["notice"] == "Read me by keyboard"
    assert told["read"]
    assert told["dialogs"] == 0
    assert told["errors"] == []


def test_each_screen_is_accessible_in_each_theme_and_language(server, drive) -> None:
    told = drive("accessible.mjs", server.url)
    assert told["violations"] == []
    assert told["checked"] == told["wanted"]
    folders = {path.parent.name for path in AREAS.glob("*/index.ts")}
    assert {path.split("/")[1] for path in told["areas"]} == folders
    assert told["foreign"] == []
    assert told["errors"] == []


def test_pages_live_through_tabs_offline_and_a_restart_and_users_see_their_own_jobs_alone(
    guarded, drive
) -> None:
    port = int(guarded.url.rsplit(":", 1)[1])
    told = drive(
        "lively.mjs",
        guarded.url,
        "key-of-ana-00001",
        "key-of-bob-00001",
        answers={"stop": guarded.stop, "start": lambda: guarded.start(port)},
    )
    assert told["bobSees"] == 2, "a head and one row"
    assert told["foreignJob"] == "No hay ningún trabajo con este id"
    assert told["rowsBefore"] == 1
    assert told["connections"] == 1
    assert told["isDisabled"]
    assert told["goesOn"]
    assert told["asOf"] == 1
    assert told["keptRows"] == 2
    assert told["frames"]
    assert told["selected"] == "2 seleccionados"
    assert told["back"] == "En directo"
    assert told["errors"] == []


def test_pages_live_through_sleep_ended_tokens_refused_sockets_and_failures(serve, drive) -> None:
    server = serve(
        *EVERYTHING,
        environment={
            "PYTHONPATH": HERE,
            "AVANCE_AUTH": "token",
            "AVANCE_API_KEYS": "key-of-ana-00001=ana",
            "AVANCE_DRAIN_S": "1",
            # The page has to fetch another one again and again.
            "AVANCE_HTTP_TOKEN_TTL_S_MAX": "6",
        },
    )
    told = drive("hardships.mjs", server.url, "key-of-ana-00001")
    assert told["whileAsleep"] == 100
    assert told["afterSleep"] == 100
    assert told["tokens"] == 3
    assert told["saidMeanwhile"] == []
    assert told["newSockets"] == 0
    assert told["why"] == "attempt 3 was meant to fail"
    assert told["isAnother"]
    assert told["isReloaded"]
    assert told["streams"] == ["http_stream"]
    assert told["isPolled"]
    assert told["errors"] == []
