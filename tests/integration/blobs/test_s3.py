"""
What only a store of files in S3 does: links past the server, parts, and being away.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import boto3
import httpx2 as httpx
import pytest
from click.testing import CliRunner
from free_port import free_port
from moto.server import ThreadedMotoServer
from node_service import Node

from avance.app.storage import open_blobs
from avance.backends.disk import DiskBlobs
from avance.backends.s3 import S3Blobs, S3Limits
from avance.cli import main
from avance.errors import ConfigError, Unavailable
from avance.testing.conformance.blobs import content, stream_of

MIB = 1_048_576
SMALL_PARTS = S3Limits(tries_max=1, part_bytes=5 * MIB)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> str:
    boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).create_bucket(Bucket="files")
    return "files"


@pytest.fixture
def blobs(endpoint: str, bucket: str) -> S3Blobs:
    return S3Blobs(f"s3://{bucket}/in/here?endpoint={endpoint}", limits=SMALL_PARTS)


async def test_a_browser_reads_a_file_by_a_link_under_a_name_of_ours(blobs: S3Blobs) -> None:
    await blobs.put("a/b.pdf", stream_of(b"%PDF"), bytes_max=9)
    link = await blobs.link("a/b.pdf", ttl_s=60, name="Rechnung ñ.pdf")
    assert link is not None
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.get(link)
    assert (answer.status_code, answer.content) == (200, b"%PDF")
    assert answer.headers["content-type"] == "application/pdf"
    assert "Rechnung%20%C3%B1.pdf" in answer.headers["content-disposition"]


async def test_a_browser_brings_a_file_past_us(blobs: S3Blobs) -> None:
    form = await blobs.upload_form("up/photo.jpg", ttl_s=60, bytes_max=1_000)
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(
            form.url, data=dict(form.fields), files={"file": ("photo.jpg", b"jpeg")}
        )
    assert answer.status_code in (200, 204)
    assert await content(blobs, "up/photo.jpg") == b"jpeg"
    assert {"policy", "key"} <= set(form.fields)


async def test_nothing_is_left_of_an_upload_that_broke_off(
    blobs: S3Blobs, endpoint: str, bucket: str
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (11 * MIB)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await blobs.put("half", broken(), bytes_max=20 * MIB)

    def left() -> list[object]:
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        return list(client.list_multipart_uploads(Bucket=bucket).get("Uploads", ()))

    assert await anyio.to_thread.run_sync(left) == []


async def test_a_store_that_is_away_or_has_no_such_bucket_is_told(endpoint: str) -> None:
    for url in (
        f"s3://files?endpoint=http://127.0.0.1:{free_port()}",
        f"s3://no-such-bucket?endpoint={endpoint}",
    ):
        blobs = S3Blobs(url, limits=SMALL_PARTS)
        with pytest.raises(Unavailable) as refusal:
            await blobs.put("a", stream_of(b"x"), bytes_max=1)
        assert refusal.value.code == "files_unavailable"


async def test_each_time_that_the_store_goes_away_is_told_once_and_so_is_its_return(
    bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    001-29, 001-44. What the server holds outlives it.
    """
    first = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    first.start()
    host, port = first.get_host_and_port()
    blobs = S3Blobs(f"s3://{bucket}?endpoint=http://{host}:{port}", limits=SMALL_PARTS)
    await blobs.put("kept", stream_of(b"x"), bytes_max=1)
    await anyio.to_thread.run_sync(first.stop)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await blobs.info("kept")
    again = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    again.start()
    # A file that is not there is an answer, too.
    assert await blobs.info("nothing") is None
    assert await content(blobs, "kept") == b"x"
    await anyio.to_thread.run_sync(again.stop)
    told = [record.getMessage() for record in caplog.records if record.name == "avance.s3"]
    assert len(told) == 2
    assert "cannot be reached" in told[0]
    assert "there again" in told[1]


async def test_the_health_of_a_server_tells_of_its_store_of_files(
    bucket: str, tmp_path: Path
) -> None:
    """
    001-29, 001-44: it is served without it all the same.
    """
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    env = {"AVANCE_BLOBS": f"s3://{bucket}?endpoint=http://{host}:{port}", "AVANCE_PROCESSES": "0"}
    data = tmp_path / "data"
    data.mkdir()
    node = Node("empty:app", tmp_path, data, env=env)
    (tmp_path / "empty.py").write_text("from avance import Avance\n\napp = Avance()\n")
    try:
        await anyio.to_thread.run_sync(node.start)
        async with httpx.AsyncClient(base_url=node.url, timeout=30) as http:
            assert (await http.get("/health")).json()["parts"]["files"]["status"] == "ok"
            await anyio.to_thread.run_sync(store.stop)
            part = (await http.get("/health")).json()["parts"]["files"]
            assert part["status"] == "down"
            assert (await http.get("/ready")).status_code == 200
    finally:
        node.kill()


def test_the_place_of_files_is_chosen_by_its_address(tmp_path: Path) -> None:
    assert isinstance(open_blobs(None, str(tmp_path)), DiskBlobs)
    assert isinstance(open_blobs(f"file://{tmp_path}", "data"), DiskBlobs)
    assert isinstance(open_blobs("s3://files", "data"), S3Blobs)
    for wrong in ("ftp://x/y", "s3://", "s3://files?endpiont=http://x"):
        with pytest.raises(ConfigError) as refusal:
            open_blobs(wrong, "data")
        assert refusal.value.params["setting"] == "blobs"


def test_the_doctor_finds_a_place_of_files_that_takes_none(
    endpoint: str, bucket: str, tmp_path: Path
) -> None:
    for name, verdict in ((bucket, "ok"), ("no-such-bucket", "failure")):
        env = {
            "AVANCE_URL": "http://127.0.0.1:1",
            "AVANCE_BLOBS": f"s3://{name}?endpoint={endpoint}",
        }
        asked = ["doctor", "--json", "--data", str(tmp_path)]
        done = CliRunner().invoke(main, asked, env=env)
        found = {one["name"]: one for one in json.loads(done.stdout)}
        assert found["blobs"]["verdict"] == verdict
        assert name in found["blobs"]["detail"]
