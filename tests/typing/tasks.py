"""
What a type checker tells the users of the public API: read by mypy, never run. An ignored error that is none any more is an error itself.
"""

from collections.abc import AsyncIterator
from typing import assert_type

from avance import App, Avance, Job, JobHandle, Retry
from avance.storage import Changes, Rows

app = Avance()
shop = App("shop")


@app.task
def count(path: str, pages: int = 1) -> int:
    return len(path) * pages


@shop.task(phases={"reading": 1}, retry=Retry(max_attempts=3))
async def read(path: str, job: Job) -> list[str]:
    job.progress(current=1, total=2)
    job.progress(percent="half")  # type: ignore[arg-type]
    return [path]


async def submits() -> None:
    assert_type(await count.submit("a.pdf"), JobHandle)
    await count.submit("a.pdf", pages=2)
    # Parameters of a submit are checked when it runs: no type says "all of these but the one that avance fills in".
    await count.submit(1, page=2)
    assert_type(await count.using(owner="ana", delay_s=5).submit("a.pdf"), JobHandle)


def calls() -> None:
    assert_type(count("a.pdf"), int)
    count(1)  # type: ignore[arg-type]


async def follows(handle: JobHandle) -> None:
    state = (await handle.get()).state
    assert state.is_terminal
    state.is_over  # type: ignore[attr-defined]  # noqa: B018


def total(rows: Rows) -> int:
    row = rows.one("SELECT sum(count) FROM shelf")
    return 0 if row is None else int(row[0])


def clear(changes: Changes) -> str:
    return str(changes.run("DELETE FROM shelf"))


async def keeps(host: Avance) -> None:
    assert_type(await host.records.read(total), int)
    assert_type(await host.records.write(clear), str)
    await host.records.read(clear)  # type: ignore[arg-type]


async def files(host: Avance, stream: AsyncIterator[bytes]) -> None:
    kept = await host.blobs.put("a/b", stream, bytes_max=10)
    assert_type(kept.size, int)
