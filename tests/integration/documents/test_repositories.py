"""
A public repository as files of a batch: `POST /batch/{id}/github` of docs/contract/ingest.md, 3.4. A small server stands for the place where
GitHub gives archives.
"""

from typing import Any

import anyio
import httpx2 as httpx
import pytest
from archive_service import Archives, archive
from node_service import Node

from avance.apps.documents.repository import repository_of
from avance.apps.documents.settings import DocumentsSettings
from avance.errors import InvalidRequest

from .conftest import pdf
from .following import frames
from .test_batches import create

PAGE = "https://github.com/ana/town"
HEAD = "/ana/town/zip/HEAD"


@pytest.fixture(autouse=True)
def _empty(github: Archives) -> None:
    github.kept.clear()
    github.leads_to.clear()
    github.asked.clear()
    github.gate.set()


async def fetch(http: httpx.AsyncClient, batch_id: str, **more: Any) -> httpx.Response:
    return await http.post(f"/batch/{batch_id}/github", json={"repo_url": PAGE, **more})


async def status(http: httpx.AsyncClient, batch_id: str) -> dict[str, Any]:
    told: dict[str, Any] = (await http.get(f"/batch/{batch_id}/status")).json()
    return told


async def test_a_repository_is_one_batch_with_the_files_that_can_be_read(
    node: Node, http: httpx.AsyncClient, github: Archives
) -> None:
    github.kept["/ana/town/zip/refs/heads/next/1.x"] = archive(
        {
            "README.md": b"# Town\n\nThe harbour master is called Eulalia.",
            "docs/guide.md": b"# Guide\n\nThe ferry leaves at nine.",
            "docs/plan.pdf": pdf("The bridge opens on Sundays."),
            "docs/broken.pdf": pdf("page")[:-400],
            "src/main.c": b"int main(void) { return 0; }",
        },
        links={"docs/link.md": "../../../../etc/passwd"},
        otherwise={"docs/strange.md": b"# Strange"},
    )
    batch_id = await create(http, "town", collection_name="town")
    told = (await fetch(http, batch_id, branch="next/1.x")).json()
    assert (told["batch_id"], told["status"]) == (batch_id, "queued")
    said, code = await frames(node.url, f"/batch/{batch_id}/stream")
    assert (said[-1]["status"], code) == ("partial", 1000)
    percents = [one["progress_percentage"] for one in said]
    assert percents == sorted(percents)
    found = await status(http, batch_id)
    files = {one["filename"]: one for one in found["documents"]}
    readable = {"README.md", "docs/guide.md", "docs/plan.pdf"}
    assert set(files) == {*readable, "docs/broken.pdf", "docs/strange.md"}
    assert {one["source_type"] for one in files.values()} == {"github"}
    assert "damaged" in files["docs/broken.pdf"]["error_message"]
    assert "packed in a way" in files["docs/strange.md"]["error_message"]
    assert found["batch"]["error_summary"] == "2 of 5 files failed"
    parent = (await http.get(f"/v1/jobs/{found['batch']['job_id']}")).json()
    assert (parent["state"], parent["progress"]["percent"]) == ("completed", 100.0)
    asked = {"query": "Who is the harbour master?", "language": "en", "collection": "town"}
    (source, *_) = (await http.post("/query", json=asked)).json()["sources"]
    assert source["source"] == "README.md"
    assert source["metadata"]["url"] == f"{PAGE}/blob/next/1.x/README.md"
    assert not list((node.data / "blobs").rglob("archive"))


async def test_patterns_say_which_files_are_wanted(
    node: Node, http: httpx.AsyncClient, github: Archives
) -> None:
    names = ["a.md", "b.txt", "docs/c.md", "docs/deep/d.md", "docs/e.txt", "old/f.md"]
    github.kept[HEAD] = archive({name: f"The file {name}.".encode() for name in names})
    for patterns, wanted in (
        (["docs/*.md"], {"docs/c.md", "docs/deep/d.md"}),
        (["*.txt", "a.*"], {"a.md", "b.txt", "docs/e.txt"}),
    ):
        batch_id = await create(http, "some", collection_name="some")
        await fetch(http, batch_id, include_patterns=patterns)
        said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
        assert said[-1]["status"] == "completed"
        found = await status(http, batch_id)
        assert {one["filename"] for one in found["documents"]} == wanted


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/ana/town",
        "https://169.254.169.254/ana/town",
        "https://github.com.example.org/ana/town",
        "https://ana@github.com/ana/town",
        "https://github.com/ana/..",
        "https://github.com/ana/town/../../other",
        "file:///etc/passwd",
    ],
)
async def test_only_repositories_are_addresses_and_nobody_is_asked_for_another(
    http: httpx.AsyncClient, github: Archives, url: str
) -> None:
    batch_id = await create(http)
    answer = await fetch(http, batch_id, repo_url=url)
    assert (answer.status_code, answer.json()["code"]) == (422, "repository_url")
    assert github.asked == []
    assert (await status(http, batch_id))["batch"]["status"] == "pending"


async def test_what_cannot_be_fetched_is_a_failed_batch_that_says_why(
    node: Node, http: httpx.AsyncClient, github: Archives
) -> None:
    """
    Unknown, led on to an address inside, no archive, too large, too many files, and nothing to read; then the same batch takes one that can.
    """
    github.leads_to["/ana/town/zip/refs/heads/moved"] = f"{github.url}/inside"
    github.kept["/inside"] = archive({"secret.txt": b"inside"})
    github.kept["/ana/town/zip/refs/heads/page"] = b"<html>not a zip</html>" * 20
    github.kept["/ana/town/zip/refs/heads/large"] = b"PK" * 120_000
    many = {f"{number}.txt": b"%d" % number for number in range(1_001)}
    github.kept["/ana/town/zip/refs/heads/many"] = archive(many)
    github.kept["/ana/town/zip/refs/heads/code"] = archive({"main.c": b"int main;"})
    batch_id = await create(http, "refused", collection_name="refused")
    for branch, code in (
        ("none", "repository_not_found"),
        ("moved", "repository_unavailable"),
        ("page", "repository_damaged"),
        ("large", "too_large"),
        ("many", "too_many_documents"),
        ("code", "repository_empty"),
    ):
        told = (await fetch(http, batch_id, branch=branch)).json()
        with anyio.fail_after(60):
            while (found := await status(http, batch_id))["batch"]["status"] == "validating":  # noqa: ASYNC110 - whatever a client sees
                await anyio.sleep(0.02)
        job = (await http.get(f"/v1/jobs/{told['job_id']}")).json()
        assert (job["state"], job["error"]["code"]) == ("failed", code)
        assert found["batch"]["status"] == "failed"
        assert found["batch"]["error_summary"] == job["error"]["message"]
        assert found["documents"] == []
    assert "/inside" not in github.asked
    github.kept[HEAD] = archive({"a.txt": b"At last."})
    await fetch(http, batch_id)
    said, _ = await frames(node.url, f"/batch/{batch_id}/stream")
    assert said[-1]["status"] == "completed"
    assert (await status(http, batch_id))["batch"]["error_summary"] is None


async def test_a_batch_that_is_being_filled_takes_no_other_repository_and_can_be_cancelled(
    node: Node, http: httpx.AsyncClient, github: Archives
) -> None:
    github.kept[HEAD] = archive({"a.txt": b"Later."})
    github.gate.clear()
    try:
        batch_id = await create(http)
        told = (await fetch(http, batch_id)).json()
        found = await status(http, batch_id)
        assert (found["batch"]["status"], found["progress_percentage"]) == ("validating", 0.0)
        again = await fetch(http, batch_id)
        assert (again.status_code, again.json()["code"]) == (409, "job_state")
        await http.post(f"/batch/{batch_id}/cancel")
        said, code = await frames(node.url, f"/batch/{batch_id}/stream")
        assert (said[-1]["status"], code) == ("failed", 1000)
        assert (await http.get(f"/v1/jobs/{told['job_id']}")).json()["state"] == "cancelled"
    finally:
        github.gate.set()


def test_a_server_may_fetch_none() -> None:
    settings = DocumentsSettings(github_url="none")
    with pytest.raises(InvalidRequest) as refusal:
        repository_of(PAGE, None, (), settings)
    assert refusal.value.code == "repositories_off"
