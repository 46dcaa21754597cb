"""
The double channel: the job's own state, and a Redis channel for each job. docs/contract/routes.md, 2.3 and decision 13.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from avance.apps.routes.mirror import Words
from avance.apps.routes.sample import sample_day

from .conftest import PATIENCE_S, Site, serving

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def on_redis(redis_url: str, tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path, bus=redis_url) as started:
        yield started


@pytest.fixture
async def heard(redis_url: str) -> AsyncIterator[PubSub]:
    """
    As `redis-cli PSUBSCRIBE '*progress*'` hears.
    """
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as pubsub:
        await pubsub.psubscribe("*progress*")
        await pubsub.get_message(timeout=PATIENCE_S)
        yield pubsub


async def listen(pubsub: PubSub, ends: int) -> dict[str, list[dict[str, Any]]]:
    """
    By channel, until so many have ended.
    """
    told: dict[str, list[dict[str, Any]]] = {}
    while ends:
        message = await pubsub.get_message(timeout=PATIENCE_S)
        if message is not None and message["type"] == "pmessage":
            frame = json.loads(message["data"])
            told.setdefault(message["channel"].decode(), []).append(frame)
            ends -= frame["type"] in ("completed", "error")
    return told


async def test_a_redis_channel_for_each_job_tells_what_its_socket_tells(
    on_redis: Site, heard: PubSub
) -> None:
    """001-25 001-30 001-47 001-T4: two jobs, two channels; each frame once there and once on the socket."""
    site = on_redis
    jobs = [(await site.start(sample_day(size)))["job_id"] for size in (12, 15)]
    with anyio.fail_after(PATIENCE_S):
        by_socket = {job_id: (await site.frames(job_id))[0] for job_id in jobs}
        by_redis = await listen(heard, 2)
    assert set(by_redis) == {f"job_progress:{job_id}" for job_id in jobs}
    for job_id in jobs:
        there = by_redis[f"job_progress:{job_id}"]
        assert {frame["job_id"] for frame in there} == {job_id}
        values = [frame["progress"] for frame in there if frame["type"] == "progress"]
        assert values == sorted(values)
        assert (values[0], values[-1]) == (0, 100)
        assert [frame["status"] for frame in there if frame["type"] == "status"] == [
            "queued",
            "running",
        ]
        assert there[-1] == by_socket[job_id][-1]
        ours, theirs = (
            [json.dumps(frame) for frame in told if frame["type"] == "progress"]
            for told in (there, by_socket[job_id])
        )
        assert len(set(ours)) == len(ours)
        assert ours == theirs


@pytest.fixture
def words() -> Iterator[Words]:
    add, ends = anyio.create_memory_object_stream[tuple[str, str]](1)
    with add, ends:
        yield Words(add)


class Failed:
    id = "a"
    result = None
    error = None


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"type": "state", "to": "cancelled"}, {"type": "status", "status": "cancelled"}),
        ({"type": "state", "to": "retrying"}, {"type": "status", "status": "running"}),
        ({"type": "state", "to": "expired"}, {"type": "error", "error_code": "EXPIRED"}),
        ({"type": "state", "to": "failed"}, {"type": "error", "error_code": "OPTIMIZATION_FAILED"}),
    ],
)
def test_other_ends_have_the_words_of_the_contract(
    words: Words, event: dict[str, Any], told: dict[str, Any]
) -> None:
    (frame,) = words.frames(Failed(), {"attempt": 1, "ts": "2026-01-01T00:00:00.000Z", **event})
    shown = json.loads(frame)
    assert {key: shown[key] for key in told} == told
    assert shown["timestamp"] == "2026-01-01T00:00:00Z"


def test_what_is_no_frame_of_the_contract_is_not_told(words: Words) -> None:
    base = {"attempt": 1, "ts": "2026-01-01T00:00:00.000Z"}
    assert not list(words.frames(Failed(), {**base, "type": "data", "name": "plan"}))
    assert not list(
        words.frames(Failed(), {**base, "type": "progress", "progress": {"percent": 3}})
    )
