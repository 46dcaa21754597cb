"""
The files of the console, mounted as a server mounts them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from avance.edge.console import console_routes

PAGE = (
    '<!doctype html><meta name="avance-base" content="./"><script src="./assets/app-1.js"></script>'
)
SCRIPT = "let answer = 42;\n" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files" / "assets").mkdir(parents=True)
    (tmp_path / "files" / "index.html").write_text(PAGE)
    (tmp_path / "files" / "theme.js").write_text("1")
    (tmp_path / "files" / "assets" / "app-1.js").write_text(SCRIPT)
    (tmp_path / "secret.txt").write_text("not for the browser")
    return tmp_path / "files"


@asynccontextmanager
async def browse(folder: Path, prefix: str = "") -> AsyncIterator[httpx.AsyncClient]:
    routes = console_routes(folder)
    app = Starlette(routes=[Mount(prefix, routes=routes)] if prefix else routes)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/console/", "/console/jobs", "/console/jobs/job_1", "/console/x.y"]
)
async def test_every_screen_gets_the_page_with_addresses_from_the_root(
    folder: Path, path: str
) -> None:
    async with browse(folder) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert 'content="/console/"' in answer.text
    assert 'src="/console/assets/app-1.js"' in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"].startswith(
        "default-src 'self'; connect-src 'self' ws: wss:;"
    )
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_below_a_prefix_the_page_names_its_files_with_the_prefix(folder: Path) -> None:
    async with browse(folder, "/live") as client:
        answer = await client.get("/live/console/jobs/job_1")
        assert 'src="/live/console/assets/app-1.js"' in answer.text
        assert (await client.get("/live/console/assets/app-1.js")).text == SCRIPT
        slash = await client.get("/live/console")
    assert slash.headers["location"] == "/live/console/"


async def test_a_hashed_file_is_kept_for_ever_and_another_one_is_asked_for_again(
    folder: Path,
) -> None:
    async with browse(folder) as client:
        hashed = await client.get("/console/assets/app-1.js")
        other = await client.get("/console/theme.js")
        known = {"if-none-match": other.headers["etag"]}
        again = await client.get("/console/theme.js", headers=known)
    assert hashed.text == SCRIPT
    assert hashed.headers["content-encoding"] == "gzip"
    assert "immutable" in hashed.headers["cache-control"]
    assert other.headers["cache-control"] == "no-cache"
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/gone-2.js",
        "/console/assets/../../secret.txt",
        "/console/assets/%2e%2e/%2e%2e/secret.txt",
    ],
)
async def test_what_is_not_in_the_folder_is_not_found(folder: Path, path: str) -> None:
    async with browse(folder) as client:
        answer = await client.get(path)
    assert "not for the browser" not in answer.text
    if path.endswith("gone-2.js"):
        assert answer.status_code == 404


async def test_without_built_files_there_is_no_console(tmp_path: Path) -> None:
    async with browse(tmp_path / "nothing") as client:
        assert (await client.get("/console/")).status_code == 404


async def test_the_console_is_only_read(folder: Path) -> None:
    async with browse(folder) as client:
        assert (await client.post("/console/")).status_code == 405
