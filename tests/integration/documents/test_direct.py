"""
Large files by pre-signed addresses (003-23): their parts go straight into a bucket, which is the S3 API of moto here. That server takes any signature, so what
S3 itself would refuse is read off the addresses.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
import boto3
import httpx2 as httpx
import pytest
from moto.server import ThreadedMotoServer
from node_service import Node

from .conftest import TOKEN_MODE, pdf
from .following import frames

ANA, BEN = {"X-API-Key": "ana-key"}, {"X-API-Key": "ben-key"}
MIB = 1_048_576
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> Any:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket="files")
    return client


@pytest.fixture(scope="module")
def shelf(endpoint: str, bucket: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    A server in token mode whose files lie in a bucket.
    """
    directory = tmp_path_factory.mktemp("direct")
    env = {
        **TOKEN_MODE,
        **KEYS,
        "AVANCE_BLOBS": f"s3://files/kept?endpoint={endpoint}",
        "AVANCE_DOCUMENTS_DIRECT_BYTES_MAX": str(32 * MIB),
        "AVANCE_DOCUMENTS_ARRIVING_BYTES_MAX": str(48 * MIB),
    }
    with Node("", directory, directory / "data", env=env) as node:
        yield node


@pytest.fixture
async def ana(shelf: Node) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=shelf.url, timeout=60, headers=ANA) as client:
        yield client


def large_pdf(sentence: str, size: int) -> bytes:
    """
    A page, and after it so many bytes that mean nothing.
    """
    small = pdf(sentence)
    end = small[small.rindex(b"startxref") :]
    return small + b"%" + b"x" * (size - len(small) - len(end) - 2) + b"\n" + end


async def announce(http: httpx.AsyncClient, size: int, **more: Any) -> dict[str, Any]:
    answer = await http.post(
        "/uploads/direct", json={"filename": "large.pdf", "size": size, **more}
    )
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def signed(http: httpx.AsyncClient, upload_id: str, *numbers: int) -> list[dict[str, Any]]:
    answer = await http.post(f"/uploads/direct/{upload_id}/parts", json={"parts": numbers})
    assert answer.status_code == 200, answer.text
    parts: list[dict[str, Any]] = answer.json()["parts"]
    return parts


async def send(part: dict[str, Any], told: dict[str, Any], data: bytes) -> None:
    """
    Put a part where it belongs, as a browser does: nothing but the bytes.
    """
    start = (part["part"] - 1) * told["part_bytes"]
    async with httpx.AsyncClient(timeout=60) as browser:
        answer = await browser.put(
            part["url"],
            content=data[start : start + part["size"]],
            headers={"content-type": "application/octet-stream"},
        )
    assert answer.status_code == 200, answer.text


async def send_all(http: httpx.AsyncClient, told: dict[str, Any], data: bytes) -> None:
    for part in await signed(http, told["upload_id"], *range(1, told["parts"] + 1)):
        await send(part, told, data)


async def ended(http: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    seq = 0
    while True:
        job: dict[str, Any] = (await http.get(f"/v1/jobs/{job_id}")).json()
        if job["state"] in ("completed", "failed", "cancelled", "expired"):
            return job
        query = {"since": seq, "wait_s": 5}
        page = (await http.get(f"/v1/jobs/{job_id}/events", params=query)).json()
        seq = max((event["seq"] for event in page["events"]), default=seq)


def kept(bucket: Any) -> set[str]:
    return {one["Key"] for one in bucket.list_objects_v2(Bucket="files").get("Contents", ())}


def unfinished(bucket: Any) -> list[Any]:
    return list(bucket.list_multipart_uploads(Bucket="files").get("Uploads", ()))


async def test_a_large_file_goes_into_the_bucket_in_parts_and_is_one_job(
    shelf: Node, ana: httpx.AsyncClient, bucket: Any
) -> None:
    """
    003-23: begun, signed, left and taken up again, completed, read, found; the upload and the job have one id.
    """
    data = large_pdf("El arrendamiento termina en marzo.", 20 * MIB)
    told = await announce(ana, len(data), collection="leases")
    upload_id = told["upload_id"]
    assert (told["parts"], told["part_bytes"]) == (3, 8 * MIB)
    first, second = await signed(ana, upload_id, 1, 2)
    await send(first, told, data)
    await send(second, told, data)

    early = await ana.post(f"/uploads/direct/{upload_id}/complete")
    refusal = early.json()
    assert (refusal["code"], refusal["params"]["parts"]) == ("parts_missing", [3])
    # Somebody who comes back, perhaps elsewhere, asks what is there and goes on.
    come = (await ana.get(f"/uploads/direct/{upload_id}")).json()
    assert come["received"] == [{"part": number, "size": 8 * MIB} for number in (1, 2)]
    job = (await ana.get(f"/v1/jobs/{upload_id}")).json()
    assert job["progress"]["percent"] == pytest.approx(16.0)
    (third,) = await signed(ana, upload_id, 3)
    await send(third, told, data)

    done = await ana.post(f"/uploads/direct/{upload_id}/complete")
    assert (done.status_code, done.json()["job_id"]) == (200, upload_id)
    job = await ended(ana, upload_id)
    assert (job["state"], job["progress"]["percent"]) == ("completed", 100.0)
    said, code = await frames(shelf.url, f"/ws/jobs/{job['result']['job_id']}", **ANA)
    assert (said[-1]["status"], code) == ("completed", 1000)
    found = await ana.post(
        "/search", json={"query": "arrendamiento marzo", "collection_name": "leases"}
    )
    assert found.json()["documents"][0]["source"] == "large.pdf"
    assert f"kept/documents/{upload_id}/0" in await anyio.to_thread.run_sync(kept, bucket)


async def test_the_same_bytes_are_known_when_they_have_arrived(
    ana: httpx.AsyncClient, bucket: Any
) -> None:
    """
    003-23: the SHA-256 is of what lies in the bucket; nothing is kept or found twice.
    """
    data = large_pdf("The same lease again.", 100_000)
    before = await anyio.to_thread.run_sync(kept, bucket)
    results = []
    for _ in range(2):
        told = await announce(ana, len(data), collection="twice")
        await send_all(ana, told, data)
        await ana.post(f"/uploads/direct/{told['upload_id']}/complete")
        job = await ended(ana, told["upload_id"])
        assert job["state"] == "completed"
        reading = await ended(ana, job["result"]["job_id"])
        results.append(reading["result"])
    (document,) = results[0]["documents"]
    assert (results[1]["documents"], results[1]["duplicates"][0]["duplicate_of"]) == (
        [],
        document["document_id"],
    )
    assert len(await anyio.to_thread.run_sync(kept, bucket) - before) == 1
    history = (await ana.get("/ingest/history", params={"collection": "twice"})).json()
    assert history["total"] == 1


async def test_an_address_takes_one_part_of_one_size_for_a_while(ana: httpx.AsyncClient) -> None:
    """
    003-23: what is signed is the place, the upload, the part, the length and the end.
    """
    told = await announce(ana, 9 * MIB)
    _, last = await signed(ana, told["upload_id"], 1, 2)
    url = urlsplit(last["url"])
    asked = parse_qs(url.query)
    assert url.path.endswith(f"/kept/documents/{told['upload_id']}/0")
    assert (asked["partNumber"], last["size"]) == (["2"], MIB)
    assert "content-length" in asked["X-Amz-SignedHeaders"][0].split(";")
    assert 0 < int(asked["X-Amz-Expires"][0]) <= 3_600
    wrong = await ana.post(f"/uploads/direct/{told['upload_id']}/parts", json={"parts": [3]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "no_such_part")
    assert (await ana.delete(f"/uploads/direct/{told['upload_id']}")).status_code == 204


async def test_only_its_owner_goes_on_with_an_upload_or_gives_it_up(
    ana: httpx.AsyncClient, bucket: Any
) -> None:
    """
    003-23: to others it is not there; given up, nothing of it stays in the bucket.
    """
    data = large_pdf("Nobody reads this.", 200_000)
    told = await announce(ana, len(data))
    place = f"/uploads/direct/{told['upload_id']}"
    await send_all(ana, told, data)
    async with httpx.AsyncClient(base_url=str(ana.base_url), headers=BEN, timeout=60) as ben:
        for answer in (
            await ben.get(place),
            await ben.post(f"{place}/parts", json={"parts": [1]}),
            await ben.post(f"{place}/complete"),
            await ben.delete(place),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "upload_not_found")
    assert (await ana.delete(place)).status_code == 204
    assert (await ana.get(place)).status_code == 404
    assert (await ana.get(f"/v1/jobs/{told['upload_id']}")).json()["state"] == "cancelled"
    left = await anyio.to_thread.run_sync(unfinished, bucket)
    assert [one for one in left if told["upload_id"] in one["Key"]] == []


async def test_what_is_too_large_or_too_much_or_of_no_known_kind_is_not_begun(
    ana: httpx.AsyncClient, bucket: Any
) -> None:
    """
    003-23: the limits hold before the first byte, and the bucket has nothing to tidy away.
    """
    before = len(await anyio.to_thread.run_sync(unfinished, bucket))
    over = await ana.post("/uploads/direct", json={"filename": "a.pdf", "size": 32 * MIB + 1})
    assert (over.status_code, over.json()["code"]) == (413, "too_large")
    kind = await ana.post("/uploads/direct", json={"filename": "a.exe", "size": 1})
    assert (kind.status_code, kind.json()["code"]) == (400, "extension_not_allowed")
    begun = await announce(ana, 30 * MIB)
    quota = await ana.post("/uploads/direct", json={"filename": "b.pdf", "size": 30 * MIB})
    assert (quota.status_code, quota.json()["code"]) == (413, "upload_quota")
    await ana.delete(f"/uploads/direct/{begun['upload_id']}")
    assert len(await anyio.to_thread.run_sync(unfinished, bucket)) == before


async def test_a_file_that_was_whole_when_the_server_died_is_read_by_the_next(
    shelf: Node, ana: httpx.AsyncClient, bucket: Any
) -> None:
    """
    003-23: the bucket has joined the parts, and nobody has been told of it yet.
    """
    data = large_pdf("Whole before the end.", 100_000)
    told = await announce(ana, len(data), collection="whole")
    await send_all(ana, told, data)
    shelf.kill()

    def join() -> None:
        place = {"Bucket": "files", "Key": f"kept/documents/{told['upload_id']}/0"}
        listed = bucket.list_multipart_uploads(Bucket="files")["Uploads"]
        (upload_id,) = [one["UploadId"] for one in listed if one["Key"] == place["Key"]]
        parts = bucket.list_parts(**place, UploadId=upload_id)["Parts"]
        whole = [{"PartNumber": one["PartNumber"], "ETag": one["ETag"]} for one in parts]
        bucket.complete_multipart_upload(
            **place, UploadId=upload_id, MultipartUpload={"Parts": whole}
        )

    await anyio.to_thread.run_sync(join)
    await anyio.to_thread.run_sync(shelf.start)
    job = await ended(ana, told["upload_id"])
    assert job["state"] == "completed"


async def test_without_a_bucket_it_is_said_where_files_go(http: httpx.AsyncClient) -> None:
    """
    003-23: only where S3 keeps the files.
    """
    answer = await http.post("/uploads/direct", json={"filename": "a.pdf", "size": 9})
    assert (answer.status_code, answer.json()["code"]) == (404, "direct_uploads_off")
    assert "/uploads/tus" in answer.json()["detail"]
