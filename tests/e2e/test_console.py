"""
The console in a real browser against a real server.
"""

from pathlib import Path

import pytest

AREAS = Path(__file__).parents[2] / "console/src/areas"
pytestmark = pytest.mark.timeout(300)


def test_a_job_is_submitted_watched_and_still_there_after_a_reload(serve, drive) -> None:
    server = serve("demo")
    told = drive("console.mjs", server.url)
    assert told["home"] == f"{server.url}/console/"
    assert told["problem"] == "Escribe un número entero"
    first, last = told["percents"]
    assert 0 < first < 100
    assert last == 100
    assert told["result"] == {"name": "report.pdf", "pages": 30, "chunks": 90}
    assert told["title"] == "report.pdf – avance"
    assert told["input"] == {"args": ["report.pdf", 30], "kwargs": {}}
    assert told["filtered"] == 1
    assert told["address"] == "/console/jobs?state=completed&task=demo.document"
    assert told["none"] == "Ningún trabajo cumple este filtro"
    assert told["sides"][0] == "el registro de eventos"
    assert told["alert"] == "attempt 3 was meant to fail"
    assert told["language"] == "en"
    assert told["overflow"] == 0
    assert told["foreign"] == []
    assert told["errors"] == []


def test_in_token_mode_one_signs_in_and_an_ended_session_asks_again(serve, drive) -> None:
    server = serve(
        "demo",
        environment={"AVANCE_AUTH": "token", "AVANCE_API_KEYS": "key-of-ana-0001=ana:admin"},
    )
    told = drive("sign_in.mjs", server.url, "key-of-ana-0001")
    assert told["refused"] == "El servidor no lo acepta"
    assert told["kept"] == ["avance.session"]
    assert told["secretIsKept"] is False
    assert told["live"] == "En directo"
    assert told["afterReload"] == "Trabajos"
    assert told["expired"] == "La sesión ha caducado. Inicia sesión otra vez."
    assert told["left"] == "Has cerrado la sesión."
    assert told["errors"] == []


def test_each_screen_is_accessible_in_each_theme_and_language(serve, drive) -> None:
    # The demo's tasks beside all systems.
    server = serve("serve", "avance.cli.demo_tasks:app")
    told = drive("accessible.mjs", server.url)
    assert told["violations"] == []
    assert told["checked"] == told["wanted"]
    folders = {path.parent.name for path in AREAS.glob("*/index.ts")}
    assert {path.split("/")[1] for path in told["areas"]} == folders
    assert told["foreign"] == []
    assert told["errors"] == []


def test_without_a_mouse_one_submits_watches_cancels_and_reads(serve, drive) -> None:
    server = serve("demo")
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


def test_pages_live_through_tabs_offline_and_a_restart_and_users_see_their_own_jobs_alone(
    serve, drive
) -> None:
    keys = "key-of-ana-00001=ana,key-of-bob-00001=bob,key-of-root-0001=root:admin"
    environment = {"AVANCE_AUTH": "token", "AVANCE_API_KEYS": keys, "AVANCE_DRAIN_S": "1"}
    server = serve("demo", environment=environment)
    port = int(server.url.rsplit(":", 1)[1])
    told = drive(
        "lively.mjs",
        server.url,
        "key-of-ana-00001",
        "key-of-bob-00001",
        answers={"stop": server.stop, "start": lambda: server.start(port)},
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
        "demo",
        environment={
            "AVANCE_AUTH": "token",
            "AVANCE_API_KEYS": "key-of-ana-00001=ana",
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
