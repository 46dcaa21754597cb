"""
Uploads that survive a cut (003-21): the tus protocol against a real server that is cut, killed and told wrong things.
"""

import base64
import hashlib
import random
import socket
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from node_service import Node

from .following import frames

TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())


async def announce(http: httpx.AsyncClient, size: int, name: str = "a.txt", **more: str) -> str:
    answer = await http.post(
        "/uploads/tus",
        headers={
            **TUS,
            "Upload-Length": str(size),
            "Upload-Metadata": metadata(filename=name, **more),
        },
    )
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def offset(http: httpx.AsyncClient, place: str) -> int:
    answer = await http.head(place, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["upload-offset"])


async def send(
    http: httpx.AsyncClient, place: str, at: int, data: bytes, **headers: str
) -> httpx.Response:
    return await http.patch(
        place, headers={**PART, "Upload-Offset": str(at), **headers}, content=data
    )


def cut(url: str, place: str, at: int, data: bytes, sent: int) -> None:
    """
    A connection that ends in the middle of a part.
    """
    target = urlsplit(url)
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: {target.netloc}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {at}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection((target.hostname, target.port)) as line:
        line.sendall(head.encode() + data[:sent])
        line.shutdown(socket.SHUT_WR)
        while line.recv(4_096):
            pass


async def test_what_this_server_can_do_is_told(http: httpx.AsyncClient) -> None:
    answer = await http.options("/uploads/tus")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert "checksum" in answer.headers["tus-extension"].split(",")
    assert int(answer.headers["tus-max-size"]) == 52_428_800


async def test_twenty_megabytes_cut_ten_times_arrive_as_they_were(
    node: Node, http: httpx.AsyncClient
) -> None:
    """
    003-21: at least 95 % of what was sent before a cut is not sent again.
    """
    data = b"%PDF-1.7\n" + random.Random(1).randbytes(20_000_000)
    place = await announce(http, len(data), "large.pdf", collection="tus")
    sent, at = 0, 0
    for part in range(1, 11):
        end = len(data) * part // 11
        cut(node.url, place, at, data[at:], end - at)
        sent += end - at
        at = await offset(http, place)
        assert at <= end
    answer = await send(http, place, at, data[at:])
    sent += len(data) - at
    assert int(answer.headers["upload-offset"]) == len(data)
    assert len(data) / sent >= 0.95
    kept = node.data / "blobs/documents" / place.rpartition("/")[2] / "0"
    assert kept.read_bytes() == data
    # It is no real PDF, which its reader finds out.
    job = await ended(http, place.rpartition("/")[2])
    assert (job["state"], job["error"]["code"]) == ("failed", "child_failed")


async def test_the_bytes_are_the_first_stretch_of_the_bar(
    node: Node, http: httpx.AsyncClient
) -> None:
    line = "En un lugar de la Mancha, de cuyo nombre no quiero acordarme. {}\n"
    data = "".join(line.format(number) for number in range(5_000)).encode()
    place = await announce(http, len(data), "quijote.txt", collection="bar")
    half = len(data) // 2
    await send(http, place, 0, data[:half])
    await send(http, place, half, data[half:])
    job_id = place.rpartition("/")[2]
    job = await ended(http, job_id)
    assert (job["state"], job["progress"]["percent"]) == ("completed", 100.0)
    said, code = await frames(node.url, f"/ws/jobs/{job['result']['job_id']}")
    assert (said[-1]["status"], code) == ("completed", 1000)
    history = await http.get("/ingest/history", params={"collection": "bar"})
    (document,) = history.json()["documents"]
    assert (document["filename"], document["file_size"]) == ("quijote.txt", len(data))
    percents = [one["progress"]["percent"] for one in await events(http, job_id, "progress")]
    assert percents == sorted(percents)
    assert any(0 < percent < 20 for percent in percents)
    assert (await http.head(place, headers=TUS)).status_code == 404


async def test_a_wrong_checksum_leaves_nothing_of_the_part(http: httpx.AsyncClient) -> None:
    place = await announce(http, 8)
    digest = base64.b64encode(hashlib.sha256(b"12345678").digest()).decode()
    checksum = {"Upload-Checksum": f"sha256 {digest}"}
    refused = await send(http, place, 0, b"12345679", **checksum)
    assert (refused.status_code, refused.json()["code"]) == (460, "checksum_mismatch")
    assert await offset(http, place) == 0
    assert (await send(http, place, 0, b"12345678", **checksum)).status_code == 204


@pytest.mark.parametrize(
    ("headers", "at", "data", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 0, b"1234", 412),
        ({"Content-Type": "application/octet-stream"}, 0, b"1234", 415),
        ({}, 2, b"1234", 409),
        ({}, 0, b"123456789", 413),
        ({"Upload-Checksum": "crc32 AAAA"}, 0, b"1234", 400),
        ({"Upload-Offset": "-1"}, 0, b"1234", 400),
    ],
)
async def test_a_wrong_part_changes_nothing(
    headers: dict[str, str], at: int, data: bytes, status: int, http: httpx.AsyncClient
) -> None:
    place = await announce(http, 8)
    answer = await send(http, place, at, data, **headers)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert await offset(http, place) == 0
    await http.delete(place, headers=TUS)


async def test_an_upload_that_is_given_up_is_gone_and_its_job_cancelled(
    http: httpx.AsyncClient,
) -> None:
    place = await announce(http, 8)
    assert (await http.delete(place, headers=TUS)).status_code == 204
    assert (await http.head(place, headers=TUS)).status_code == 404
    job = (await http.get(f"/v1/jobs/{place.rpartition('/')[2]}")).json()
    assert job["state"] == "cancelled"


async def test_a_file_that_is_not_what_it_says_fails_with_its_last_byte(
    http: httpx.AsyncClient,
) -> None:
    place = await announce(http, 9, "a.pdf")
    answer = await send(http, place, 0, b"not a pdf")
    assert (answer.status_code, answer.json()["code"]) == (400, "document_mislabelled")
    job = (await http.get(f"/v1/jobs/{place.rpartition('/')[2]}")).json()
    assert (job["state"], job["error"]["code"]) == ("failed", "document_mislabelled")


async def test_others_do_not_see_an_upload_and_too_much_at_once_is_refused(guarded: Node) -> None:
    async with httpx.AsyncClient(
        base_url=guarded.url, headers={"X-API-Key": "ana-key"}, timeout=60
    ) as ana:
        place = await announce(ana, 80)
        more = {"Upload-Length": "21", "Upload-Metadata": metadata(filename="b.txt")}
        refused = await ana.post("/uploads/tus", headers={**TUS, **more})
        assert (refused.status_code, refused.json()["code"]) == (413, "upload_quota")
        ben = {"X-API-Key": "ben-key"}
        assert (await ana.head(place, headers={**TUS, **ben})).status_code == 404
        assert (await ana.delete(place, headers={**TUS, **ben})).status_code == 404
        assert await offset(ana, place) == 0


async def events(http: httpx.AsyncClient, job_id: str, kind: str) -> list[dict]:
    page = (await http.get(f"/v1/jobs/{job_id}/events")).json()
    return [event for event in page["events"] if event["type"] == kind]


async def ended(http: httpx.AsyncClient, job_id: str) -> dict:
    seq = 0
    while True:
        job = (await http.get(f"/v1/jobs/{job_id}")).json()
        if job["state"] in ("completed", "failed", "cancelled", "expired"):
            return job
        query = {"since": seq, "wait_s": 5}
        page = (await http.get(f"/v1/jobs/{job_id}/events", params=query)).json()
        seq = max((event["seq"] for event in page["events"]), default=seq)
