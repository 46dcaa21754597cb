"""
`@app.task(notify=on_finish("…"))`: the owner is told of an end that nobody watched. docs/contract/notices.md; decision 22.
"""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import anyio
import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect

from avance import App, Avance, Job, Notice, on_finish
from avance.config import AuthMode, read_settings

from .conftest import Built, Site

Serving: TypeAlias = Callable[[Built], AbstractAsyncContextManager[Site]]


def an_app() -> tuple[App, dict[str, Any], dict[str, anyio.Event]]:
    app = App("work")
    gates: dict[str, anyio.Event] = {}

    @app.task(
        name="work.report", title="name", notify=on_finish("{title} is {state}", url="/jobs/{id}")
    )
    async def report(name: str, job: Job) -> str:
        await gates.setdefault(name, anyio.Event()).wait()
        if name == "broken":
            raise ValueError("no paper")
        return name

    @app.task(name="work.quiet")
    async def quiet() -> int:
        return 1

    @app.task(name="work.late", notify=on_finish(lambda job: job.kind, states=["cancelled"]))
    async def late() -> None:
        await anyio.sleep_forever()

    return app, {"report": report, "quiet": quiet, "late": late}, gates


@pytest.fixture
def work() -> tuple[Built, dict[str, Any], dict[str, anyio.Event]]:
    app, tasks, gates = an_app()
    settings = replace(read_settings(env={}), auth=AuthMode.TOKEN, processes=1)
    host = Avance("sqlite://:memory:", settings=settings)
    host.include(app)
    return Built(host, host.build()), tasks, gates


async def run(tasks: dict[str, Any], gates: dict[str, anyio.Event], name: str, owner: str) -> Any:
    gates.setdefault(name, anyio.Event()).set()
    handle = await tasks["report"].using(owner=owner).submit(name)
    await handle.wait(timeout_s=10)
    return handle


async def notices(site: Site, user: str) -> list[Notice]:
    return list((await site.host.inbox(user).list()).notices)


async def test_the_owner_is_told_of_an_end_that_nobody_watched(work: Any, serving: Serving) -> None:
    built, tasks, gates = work
    async with serving(built) as site:
        handle = await run(tasks, gates, "report.pdf", "ana")
        await run(tasks, gates, "broken", "ana")

        async def are_there() -> bool:
            return len(await notices(site, "ana")) == 2

        await site.until(are_there)
        failed, done = await notices(site, "ana")
        assert (done.title, done.url, done.job_id) == (
            "report.pdf is completed",
            f"/jobs/{handle.id}",
            handle.id,
        )
        assert done.kind == "job_finished"
        assert (failed.title, failed.body) == ("broken is failed", "no paper")


async def test_only_the_ends_that_were_asked_for_and_only_of_those_tasks(
    work: Any, serving: Serving
) -> None:
    built, tasks, _ = work
    async with serving(built) as site:
        await (await tasks["quiet"].using(owner="ana").submit()).wait(timeout_s=10)
        handle = await tasks["late"].using(owner="ana").submit()
        await site.host.jobs.cancel(handle.id)

        async def is_told() -> bool:
            return [notice.title for notice in await notices(site, "ana")] == ["work.late"]

        await site.until(is_told)


async def test_who_watches_the_job_is_not_told_again(work: Any, serving: Serving) -> None:
    """
    A colleague who watches does not count: the owner is told.
    """
    built, tasks, gates = work
    async with serving(built) as site:
        url = f"ws://127.0.0.1:{site.port}/connection/websocket"
        for name, owner, watcher in (("seen", "ana", "ana"), ("unseen", "bob", "root")):
            handle = await tasks["report"].using(owner=owner).submit(name)
            channel = f"job:{handle.id}"
            async with connect(url) as connection:
                role = "admin" if watcher == "root" else "user"
                token = site.host.token(watcher, role=role)
                await connection.send(
                    json.dumps({"id": 1, "connect": {"token": token}})
                    + "\n"
                    + json.dumps({"id": 2, "subscribe": {"channel": channel}})
                )
                answered = ""
                with anyio.fail_after(10):
                    while '"id":2' not in answered:
                        answered += str(await connection.recv())
                assert '"error"' not in answered
                gates.setdefault(name, anyio.Event()).set()
                await handle.wait(timeout_s=10)
                # Whoever is told is told by now: a later job of the same owner ends after it.
                await run(tasks, gates, f"after {name}", owner)

                async def is_told(owner: str = owner, name: str = name) -> bool:
                    titles = [notice.title for notice in await notices(site, owner)]
                    return f"after {name} is completed" in titles

                await site.until(is_told)
            titles = [notice.title for notice in await notices(site, owner)]
            assert ("unseen is completed" in titles) == (owner == "bob")
            assert "seen is completed" not in titles


async def test_the_end_is_told_once_however_often_it_is_heard(work: Any, serving: Serving) -> None:
    built, tasks, gates = work
    async with serving(built) as site:
        handle = await run(tasks, gates, "once", "ana")
        job = await site.host.jobs.get(handle.id)
        for _ in range(3):
            site.host.engine.kernel.reporter.observe([job], ())

        async def is_told() -> bool:
            return len(await notices(site, "ana")) > 0

        await site.until(is_told)
        await run(tasks, gates, "twice", "bob")
        assert len(await notices(site, "ana")) == 1


def test_a_title_that_somebody_typed_reaches_nothing_of_the_job() -> None:
    rule = on_finish("{title} {owner.__class__} {0}")
    job = type(
        "J", (), {"title": "{kind}", "kind": "k", "id": "i", "state": type("S", (), {"value": "s"})}
    )
    assert rule._title(job) == "k {owner.__class__} {0}"  # type: ignore[arg-type]
