"""
Files that are read in forks of one process: as in a process of its own, with the same limits, and none harms another or outlives who wanted it.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pdf_files import flate_bomb, pdf, thin_pdf

from avance.apps.reading import (
    READING_LIMITS,
    About,
    Kind,
    Page,
    ReadingLimits,
    Unreadable,
    read_file,
)
from avance.apps.reading.nest import IS_SUPPORTED, Nest, kept, nest_here
from avance.apps.reading.sandbox import Sandbox

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not IS_SUPPORTED, reason="files are read in forks on Linux alone"),
]


@pytest.fixture
async def nest() -> AsyncIterator[Nest]:
    async with kept(None):
        found = nest_here()
        assert found is not None
        yield found
    assert nest_here() is None
    assert processes() == []


async def read(path: Path, limits: ReadingLimits = READING_LIMITS) -> list[About | Page]:
    return [one async for one in read_file(path, Kind.PDF, limits)]


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


async def test_a_fork_reads_what_a_process_of_its_own_reads(tmp_path: Path) -> None:
    path = put(tmp_path, "a.pdf", pdf("one", "two", title="Both"))
    alone = await read(path)
    async with kept(None):
        assert await read(path) == alone
        assert processes() != []
        assert forks() == []
    assert processes() == []


async def test_a_file_that_kills_its_fork_harms_no_other(nest: Nest, tmp_path: Path) -> None:
    good = put(tmp_path, "good.pdf", pdf(*[f"page {n}" for n in range(50)]))
    bomb = put(tmp_path, "bomb.pdf", flate_bomb(1_500_000_000))
    small = ReadingLimits(memory_bytes_max=536_870_912, cpu_s_max=5)
    await read(good)
    before = processes()
    refused, *told = await asyncio.gather(
        read(bomb, small), *(read(good) for _ in range(5)), return_exceptions=True
    )
    assert isinstance(refused, Unreadable)
    assert refused.code in ("document_crashed", "document_too_large", "document_timeout")
    assert [len(pages) for pages in told if isinstance(pages, list)] == [51] * 5
    assert processes() == before


async def test_a_fork_that_hangs_is_ended(nest: Nest) -> None:
    hangs = Sandbox(ReadingLimits(wall_s_max=0.5), is_forked=True)
    with pytest.raises(Unreadable) as refused:
        async for _ in hangs.run("time:sleep", {"secs": 60}):
            pass
    assert refused.value.code in ("document_timeout", "document_crashed")
    assert forks() == []


async def test_leaving_early_ends_the_fork(nest: Nest, tmp_path: Path) -> None:
    # More than pipes hold: it cannot end by itself.
    pages = read_file(put(tmp_path, "long.pdf", thin_pdf(10_000)), Kind.PDF)
    async for _ in pages:
        break
    assert len(forks()) == 1
    await pages.aclose()
    assert forks() == []


async def test_after_its_end_the_next_file_brings_another(nest: Nest, tmp_path: Path) -> None:
    """
    A reading that was under way is refused with a code, like one whose child dies.
    """
    short, long = (
        put(tmp_path, "short.pdf", pdf("a")),
        put(tmp_path, "long.pdf", thin_pdf(10_000)),
    )
    pages = read_file(long, Kind.PDF)
    async for _ in pages:
        break
    (old,) = processes()
    os.kill(int(old), signal.SIGKILL)
    with pytest.raises(Unreadable) as refused:
        async for _ in pages:
            pass
    assert refused.value.code == "document_crashed"
    assert len(await read(short)) == 2
    assert processes() not in ([], [old])


async def test_a_cancel_before_the_fork_has_begun_leaves_nothing(
    nest: Nest, tmp_path: Path
) -> None:
    path = put(tmp_path, "a.pdf", pdf("a"))
    reading = asyncio.ensure_future(read(path))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert forks() == []
    assert len(await read(path)) == 2


def processes() -> list[str]:
    """
    Those that others are forked from.
    """
    return [pid for pid in _children(os.getpid()) if _is_nest(pid)]


def forks() -> list[str]:
    return [fork for pid in processes() for fork in _children(int(pid))]


def _is_nest(pid: str) -> bool:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return "avance.apps.reading.nest_child" in command


def _children(pid: int) -> list[str]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += (task / "children").read_text().split()
        except FileNotFoundError:
            # A thread that has ended meanwhile.
            continue
    return found
