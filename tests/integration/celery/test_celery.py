"""
Real Celery workers, killed in every way, seen as jobs.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec
import pytest
from celery import Celery
from celery.result import AsyncResult
from celery_worker import Worker
from job_watch import SOON, ended, states, until

from avance import Avance, State

pytestmark = pytest.mark.timeout(60)

Send = Callable[..., str]


async def test_untouched_tasks_that_tell_their_state_are_followed_live(
    host: Avance, worker: Worker, send: Send, redis_url: str, tmp_path: Path
) -> None:
    """
    001-25: the double channel: Celery's own state and the live bar both have each step. 001-24 stands on the first.
    """
    job_id = send("steps", str(tmp_path), 3)
    for n in (1, 2, 3):
        (tmp_path / str(n)).touch()
        job = await until(
            host, job_id, lambda job, n=n: job.progress.current == n or job.state.is_terminal
        )
        if n < 3:
            assert (job.state, job.progress.message) == (State.RUNNING, f"step {n}")
            with Celery("asker", broker=redis_url, backend=redis_url) as asker:
                result = AsyncResult(job_id, app=asker)
                assert (result.state, result.info["current"]) == ("PROGRESS", n)
    job = await ended(host, job_id)
    assert (job.state, job.kind, bytes(job.result or b"")) == (
        State.COMPLETED,
        "steps",
        b'{"steps":3}',
    )


async def test_a_task_uses_the_job_from_inside_and_every_line_comes_once_in_order(
    host: Avance, worker: Worker, send: Send
) -> None:
    job_id = send("talks", 200)
    job = await ended(host, job_id)
    assert (job.state, bytes(job.result or b"")) == (State.COMPLETED, f'"{job_id}"'.encode())
    page = await host.jobs.events(job_id, since=0, limit=500)
    events = [msgspec.json.decode(publication.data) for publication in page.publications]
    lines = [event["message"] for event in events if event["type"] == "log"]
    assert lines == [f"line {n}" for n in range(200)]


async def test_retries_are_attempts_of_one_job(host: Avance, worker: Worker, send: Send) -> None:
    """
    001-34: after each failure the job waits as long as the task asked for, and is never announced as failed.
    """
    job_id = send("stumbles", 2, [0, 1])
    job = await ended(host, job_id)
    assert (job.state, job.attempt, job.errors) == (State.COMPLETED, 3, 2)
    seen = await states(host, job_id)
    assert [name for name, _ in seen].count("running") == 3
    assert "failed" not in [name for name, _ in seen]
    assert seen[-1] == ("completed", 3)


async def test_the_wait_before_a_retry_is_the_one_that_celery_keeps(
    host: Avance, worker: Worker, send: Send
) -> None:
    """
    001-34: 60 s, as shown while the task waits.
    """
    job_id = send("stumbles", 1, [60])
    job = await until(host, job_id, lambda job: job.state is State.RETRYING)
    assert job.not_before_ms is not None
    assert 30_000 < job.not_before_ms - host.clock.now_ms() <= 60_000
    assert (await host.jobs.cancel(job_id)).state is State.CANCELLED


async def test_a_running_task_is_cancelled_with_sigterm(
    host: Avance, worker: Worker, send: Send, tmp_path: Path
) -> None:
    """
    001-23: the record says so at once, the child gets SIGTERM and cleans up.
    """
    job_id = send("holds", str(tmp_path))
    await until(host, job_id, lambda job: job.progress.percent == 40)
    assert (await host.jobs.cancel(job_id)).state is State.CANCELLED
    while not (tmp_path / "cleaned").exists():  # noqa: ASYNC110 - another process has no event to wait for
        await anyio.sleep(0.02)
    assert (await states(host, job_id))[-1][0] == "cancelled"


async def test_a_task_that_was_cancelled_while_no_worker_ran_never_runs(
    host: Avance,
    start_worker: Callable[[], Worker],
    send: Send,
    redis_url: str,
    tmp_path: Path,
) -> None:
    """
    Celery keeps revokes in the memory of its workers; ours survive them.
    """
    first = start_worker()
    blocker = send("steps", str(tmp_path), 1, queue="doomed")
    await until(host, blocker, lambda job: job.state is State.RUNNING)
    first.kill()
    path = tmp_path / "touched"
    job_id = send("touches", str(path), queue="doomed")
    # It was sent by a program that knows nothing of avance, so nobody has told of it yet.
    await host.track(job_id, kind="touches")
    await host.jobs.cancel(job_id)
    start_worker()
    with Celery("asker", broker=redis_url, backend=redis_url) as asker:
        while AsyncResult(job_id, app=asker).state != "REVOKED":  # noqa: ASYNC110 - as above
            await anyio.sleep(0.05)
    assert not path.exists()
    assert (await host.jobs.get(job_id)).state is State.CANCELLED


async def test_a_killed_child_fails_its_job(
    host: Avance, worker: Worker, send: Send, tmp_path: Path
) -> None:
    job_id = send("holds", str(tmp_path))
    await until(host, job_id, lambda job: job.progress.percent == 40)
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    job = await ended(host, job_id)
    assert job.state is State.FAILED
    assert job.error is not None
    assert (job.error.kind, job.error.code) == ("worker_lost", "WorkerLostError")


async def test_the_hard_time_limit_ends_a_job_once_although_celery_tells_twice(
    host: Avance, worker: Worker, send: Send
) -> None:
    """
    001-33: the limit counts for an attempt.
    """
    job_id = send("slow")
    job = await ended(host, job_id)
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.kind == "timeout"
    assert [name for name, _ in await states(host, job_id)].count("failed") == 1


async def test_a_lost_main_process_is_noticed_within_its_lease(
    host: Avance, start_worker: Callable[[], Worker], send: Send, tmp_path: Path
) -> None:
    """
    Celery itself would show PROGRESS for ever.
    """
    worker = start_worker()
    job_id = send("holds", str(tmp_path), queue="doomed")
    await until(host, job_id, lambda job: job.progress.percent == 40)
    worker.kill()
    job = await ended(host, job_id)
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.kind == "worker_lost"
    assert f"not heard for {SOON.lease_s:g} s" in job.error.message


async def test_a_task_that_the_broker_delivers_again_goes_on_as_the_same_job(
    host: Avance, worker: Worker, send: Send, tmp_path: Path
) -> None:
    """
    Celery takes a lost child for no failure here, so the job is not announced as failed either.
    """
    job_id = send("comes_again", str(tmp_path))
    await until(host, job_id, lambda job: job.state is State.RUNNING)
    child = tmp_path / "child"
    while not (child.exists() and child.read_text()):  # noqa: ASYNC110 - another process has no event to wait for
        await anyio.sleep(0.02)
    os.kill(int(child.read_text()), signal.SIGKILL)
    job = await ended(host, job_id)
    assert (job.state, bytes(job.result or b"")) == (State.COMPLETED, b'"the second time"')
    assert "failed" not in [name for name, _ in await states(host, job_id)]


async def test_a_worker_that_ends_at_once_leaves_no_task_running(
    host: Avance, start_worker: Callable[[], Worker], send: Send, tmp_path: Path
) -> None:
    worker = start_worker()
    job_id = send("holds", str(tmp_path), queue="doomed")
    await until(host, job_id, lambda job: job.progress.percent == 40)
    await anyio.to_thread.run_sync(worker.stop_at_once)
    job = await ended(host, job_id)
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.kind == "worker_lost"
