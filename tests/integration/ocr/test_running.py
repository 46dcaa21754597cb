"""
While documents are read: pages as they come, an end in the middle of one, limits on memory. docs/contract/ocr.md.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest
from node_service import Node
from tests.integration.ocr.conftest import PATIENCE_S, ended, tab, uploaded
from tests.integration.ocr.paper import LETTER, digital_pdf, drawn, packed, png, scanned_pdf

from avance.apps.ocr.engines.words import PageRead
from avance.apps.ocr.reader import read_pages
from avance.apps.ocr.settings import OcrSettings
from avance.apps.reading import Kind, Unreadable


def readers_of(node: Node) -> set[int]:
    """
    Processes below the server that read a file, all at the same time: one that has ended while the others were counted is not among them.
    """
    return _counted(node) & _counted(node)


def _counted(node: Node) -> set[int]:
    found = set()
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            stat, command = (place / "stat").read_text(), (place / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        if parent == node.pid and b"avance.apps.reading.child" in command:
            found.add(int(place.name))
    return found


def memory_limit(reader: int) -> int | None:
    """
    Of the address space of a process: the kernel refuses it more.
    """
    try:
        lines = Path(f"/proc/{reader}/limits").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    [value] = [line.split()[3] for line in lines if line.startswith("Max address space")]
    return None if value == "unlimited" else int(value)


async def until(is_true: Callable[[], Any]) -> Any:
    with anyio.fail_after(PATIENCE_S):
        while True:
            if found := await anyio.to_thread.run_sync(is_true):
                return found
            await anyio.sleep(0.02)


def long_page() -> bytes:
    """
    One that takes an engine many seconds.
    """
    return packed(drawn([line + " " + line[::-1] for line in LETTER] * 80, size=34, width=3_400))


async def test_a_cancel_in_the_middle_of_a_page_ends_its_process(
    node: Node, http: httpx.AsyncClient
) -> None:
    """The document is failed with `cancelled`, its follower told, the process gone, and the next document is read."""
    async with tab(node) as page:
        await page.subscribe()
        [document] = await uploaded(http, ("long.png", long_page()))
        told = await page.until(documentId=document, processingStatus="REVI")
        await until(lambda: readers_of(node))
        job = (await http.get(f"/api/ocr/document/{document}")).json()["data"]["jobId"]
        answer = await http.post(f"/v1/jobs/{job}/cancel")
        assert answer.status_code == 200, answer.text
        told = await page.until(documentId=document, status="failed")
        assert told["error"] == "cancelled"
    await until(lambda: not readers_of(node))
    assert (await http.get(f"/api/ocr/document/{document}/pages")).json()["data"] == []
    [after] = await uploaded(http, ("after.pdf", digital_pdf("The next one is read all the same")))
    assert (await ended(http, after))["status"] == "completed"


async def test_pages_are_told_one_by_one(http: httpx.AsyncClient) -> None:
    """Each page is stored and told on `job:<id>` before the next is read."""
    pages = [(f"Page number {n}", *LETTER) for n in (1, 2, 3)]
    [document] = await uploaded(http, ("three.pdf", scanned_pdf(*pages)))
    told = await ended(http, document)
    assert [
        word for word in ("1", "2", "3") if f"number {word}" in told["ocrResult"]["extractedText"]
    ]
    events = (await http.get(f"/v1/jobs/{told['jobId']}/events")).json()["events"]
    steps = [
        event["progress"]["current"] if event["type"] == "progress" else "page"
        for event in events
        if (event["type"] == "progress" and event["progress"].get("unit") == "pages")
        or event["type"] == "data"
    ]
    # Each step comes with its page; the last one stands in later events as well.
    assert [step for step in steps if step != "page"][:3] == [1, 2, 3]
    assert steps.count("page") == 3
    read = (await http.get(f"/api/ocr/document/{document}/pages")).json()["data"]
    assert [(page["number"], page["of"]) for page in read] == [(1, 3), (2, 3), (3, 3)]


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    place = tmp_path / "letter.png"
    place.write_bytes(png())
    return place


async def read(path: Path, settings: OcrSettings) -> list[PageRead]:
    return [page async for page in read_pages(path, Kind.PNG, settings)]


async def test_a_reader_never_takes_more_than_its_memory(letter: Path) -> None:
    """What needs more is refused by the system, and told as such; the same file is read within the usual limit."""
    narrow = OcrSettings(reader_bytes_max=120_000_000)
    with pytest.raises(Unreadable) as refused:
        await read(letter, narrow)
    assert refused.value.code in ("document_too_large", "document_crashed")
    [page] = await read(letter, OcrSettings())
    assert LETTER[0] in page.text


async def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    place = tmp_path / "long.png"
    place.write_bytes(long_page())
    with pytest.raises(Unreadable) as refused:
        await read(place, OcrSettings(reader_cpu_s_max=1))
    assert refused.value.code == "document_timeout"


async def phases_of(http: httpx.AsyncClient, jobs: Sequence[str]) -> list[str | None]:
    return [(await http.get(f"/v1/jobs/{one}")).json()["progress"]["phase"] for one in jobs]


async def test_so_many_are_read_at_a_time_and_no_more(node: Node, http: httpx.AsyncClient) -> None:
    """With two readers, a third document waits until one of them has ended, and each process keeps to its share of the memory."""
    page = long_page()
    ids = await uploaded(http, *((f"{n}.png", page) for n in range(3)))
    jobs = [(await http.get(f"/api/ocr/document/{one}")).json()["data"]["jobId"] for one in ids]
    waiting = ["fetching", "reading", "reading"]
    with anyio.fail_after(PATIENCE_S):
        while sorted(map(str, phases := await phases_of(http, jobs))) != waiting:
            assert len(readers_of(node)) <= 2
            await anyio.sleep(0.02)
    first = await until(lambda: len(found := readers_of(node)) == 2 and found)
    for reader in first:
        # Before its imports are done a child has no limit, and reads no file.
        await until(lambda reader=reader: memory_limit(reader) == OcrSettings().reader_bytes_max)
    ended_one = jobs[phases.index("reading")]
    assert (await http.post(f"/v1/jobs/{ended_one}/cancel")).status_code == 200
    with anyio.fail_after(PATIENCE_S):
        while len(second := readers_of(node)) != 2 or second == first:
            assert len(second) <= 2
            await anyio.sleep(0.02)
    assert len(second & first) == 1
    for job in set(jobs) - {ended_one}:
        assert (await http.post(f"/v1/jobs/{job}/cancel")).status_code == 200
    await until(lambda: not readers_of(node))


async def test_the_engine_for_photos_reads_without_any_network(tmp_path: Path) -> None:
    """Its models are in its package: a process that may not open a socket reads the same words."""
    # Nearly as high as wide: the engine enlarges the shorter side, and a strip takes it many seconds.
    lines = ("Pingüinos y niños", "Sent to the office", "Calle Mayor 17")
    place = tmp_path / "note.png"
    place.write_bytes(packed(drawn(lines, width=700)))
    program = (
        "import sys\n"
        "def refuse(event, given):\n"
        "    if event.startswith('socket.') and event != 'socket.__new__':\n"
        "        raise RuntimeError(event)\n"
        "sys.addaudithook(refuse)\n"
        "from avance.apps.ocr.engines.child import read\n"
        "pages = list(read(sys.argv[1], 'png', 'rapidocr', 'spa+eng', None, 1, 60_000_000))\n"
        "print(pages[0].confidence > 0.85, pages[0].text)\n"
    )
    done = await anyio.run_process([sys.executable, "-c", program, str(place)])
    told = done.stdout.decode()
    assert told.startswith("True")
    for line in lines:
        assert line.replace(" ", "") in told.replace(" ", "").replace("\n", " ")
