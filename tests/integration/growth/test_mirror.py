"""
What is said of jobs on plain channels of Redis, for whoever listens there without being a node.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from avance import Avance
from avance.app.engine import Engine
from avance.config import Settings
from avance.errors import ConfigError
from avance.jobs.service import DEFAULT_OPTIONS
from avance.model.job import Job

pytestmark = pytest.mark.timeout(40)


Built = tuple[Avance, Engine]


def built(tmp_path: Path, bus: str | None) -> Built:
    app = Avance(settings=Settings(data=str(tmp_path), bus=bus))

    async def done() -> int:
        return 1

    for name in ("ingest", "other"):
        app.task(name=name)(done)
    return app, app.build()


@pytest.fixture
def on_redis(tmp_path: Path, redis_url: str) -> Built:
    return built(tmp_path, redis_url)


@pytest.fixture
def without_redis(tmp_path: Path) -> Built:
    return built(tmp_path, None)


async def run(app: Avance, task: str) -> str:
    handle = await app.submit(task, (), {}, DEFAULT_OPTIONS)
    assert await handle.result() == 1
    return handle.id


def frames(job: Job, event: Mapping[str, Any]) -> Iterable[bytes]:
    if event["type"] == "state":
        yield json.dumps({"type": "job_update", "job_id": job.id, "status": event["to"]}).encode()


@asynccontextmanager
async def listening(url: str, pattern: str) -> AsyncIterator["asyncio.Queue[tuple[str, Any]]"]:
    """
    As `redis-cli PSUBSCRIBE` does.
    """
    heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    async with Redis.from_url(url) as redis, redis.pubsub() as pubsub:
        await pubsub.psubscribe(pattern)
        await pubsub.get_message(timeout=10)

        async def listen() -> None:
            async for message in pubsub.listen():
                if message["type"] == "pmessage":
                    heard.put_nowait((message["channel"].decode(), json.loads(message["data"])))

        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()


async def test_events_of_chosen_jobs_are_readable_on_a_channel_of_each_job(
    on_redis: Built, redis_url: str
) -> None:
    """
    000-12: `PSUBSCRIBE job:*` shows the messages; 001-30: one Redis channel for each job; 001-T4: each is said once.
    """
    app, engine = on_redis

    app.mirror_events(["ingest"], "job:{job_id}", frames)
    async with listening(redis_url, "job:*") as heard, app.running(engine):
        await run(app, "other")
        job_id = await run(app, "ingest")
        app.mirror("job:end", b'"end"')
        seen = []
        while not seen or seen[-1][1] != "end":
            seen.append(await heard.get())
    assert [(channel, frame["status"]) for channel, frame in seen[:-1]] == [
        (f"job:{job_id}", status) for status in ("queued", "running", "completed")
    ]


async def test_without_a_redis_nothing_is_said_and_nothing_fails(without_redis: Built) -> None:
    """
    001-29.
    """
    app, engine = without_redis

    app.mirror_events(["ingest"], "job:{job_id}", frames)
    async with app.running(engine):
        app.mirror("anything", b"1")
        await run(app, "ingest")


async def test_a_translation_that_fails_does_not_break_the_job(
    on_redis: Built, caplog: pytest.LogCaptureFixture
) -> None:
    """
    001-28 for the mirror.
    """
    app, engine = on_redis

    def broken(_: Job, __: Mapping[str, Any]) -> Iterable[bytes]:
        raise RuntimeError("no words for this")

    app.mirror_events(["ingest"], "job:{job_id}", broken)
    async with app.running(engine):
        await run(app, "ingest")
    assert "no words for this" in caplog.text


def test_a_bus_that_nothing_serves_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the bus amqp:… is not known"):
        built(tmp_path, "amqp://somewhere")
