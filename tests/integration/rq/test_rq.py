"""
Real RQ workers, killed in every way, seen as jobs.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import msgspec
import pytest
from anyio.to_thread import run_sync
from job_watch import SOON, ended, states, until
from redis import Redis
from rq import Queue, Retry
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.registry import StartedJobRegistry
from rq_worker import RqWorker

from avance import Avance, State
from avance.app.reports import Courier

Enqueue = Callable[..., Awaitable[str]]

pytestmark = pytest.mark.timeout(40)


async def test_a_job_is_seen_while_it_waits_and_to_its_result(
    host: Avance, enqueue: Enqueue, start_worker: Callable[..., RqWorker]
) -> None:
    """
    000-13: the worker is a process of its own.
    """
    meta = {"avance_owner": "ana"}
    job_id = await enqueue("errands_of_rq.add", 2, 3, meta=meta, queue="later")
    job = await until(host, job_id, lambda job: job.state is State.QUEUED)
    assert (job.kind, job.owner) == ("errands_of_rq.add", "ana")
    start_worker("later", kind="SimpleWorker")
    job = await ended(host, job_id)
    assert (job.state, bytes(job.result or b"")) == (State.COMPLETED, b"5")
    assert [name for name, _ in await states(host, job_id)] == ["queued", "running", "completed"]


@pytest.mark.parametrize("kind", ["Worker", "SimpleWorker"])
async def test_a_function_uses_the_job_from_inside(
    host: Avance,
    enqueue: Enqueue,
    worker: RqWorker,
    start_worker: Callable[..., RqWorker],
    kind: str,
) -> None:
    queue = "default" if kind == "Worker" else "simple"
    if kind == "SimpleWorker":
        start_worker(queue, kind=kind)
    job_id = await enqueue("errands_of_rq.talk", 100, queue=queue)
    job = await ended(host, job_id)
    assert (job.state, bytes(job.result or b"")) == (State.COMPLETED, f'"{job_id}"'.encode())
    page = await host.jobs.events(job_id, since=0, limit=500)
    events = [msgspec.json.decode(publication.data) for publication in page.publications]
    lines = [event["message"] for event in events if event["type"] == "log"]
    assert lines == [f"line {n}" for n in range(100)]


async def test_retries_are_attempts_of_one_job(
    host: Avance, enqueue: Enqueue, worker: RqWorker, tmp_path: Path
) -> None:
    job_id = await enqueue("errands_of_rq.stumble", str(tmp_path), retry=Retry(max=3))
    job = await ended(host, job_id)
    assert (job.state, job.attempt, job.errors) == (State.COMPLETED, 3, 2)
    assert "failed" not in [name for name, _ in await states(host, job_id)]


async def test_an_exception_fails_the_job_with_its_words(
    host: Avance, enqueue: Enqueue, worker: RqWorker, tmp_path: Path
) -> None:
    job_id = await enqueue("errands_of_rq.stumble", str(tmp_path))
    job = await ended(host, job_id)
    assert job.state is State.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("ValueError", "attempt 1")


async def test_a_killed_work_horse_fails_its_job(
    host: Avance, enqueue: Enqueue, worker: RqWorker, tmp_path: Path
) -> None:
    job_id = await enqueue("errands_of_rq.hold", str(tmp_path))
    await until(host, job_id, lambda job: job.progress.percent == 40)
    os.kill(int((tmp_path / "horse").read_text()), signal.SIGKILL)
    job = await ended(host, job_id)
    assert job.state is State.FAILED
    assert job.error is not None
    assert job.error.kind == "worker_lost"


async def test_a_cancelled_job_may_clean_up(
    host: Avance, enqueue: Enqueue, worker: RqWorker, tmp_path: Path
) -> None:
    job_id = await enqueue("errands_of_rq.ask", str(tmp_path))
    await until(host, job_id, lambda job: job.progress.percent == 40)
    assert (await host.jobs.cancel(job_id)).state is State.CANCELLED
    while not (tmp_path / "cleaned").exists():  # noqa: ASYNC110 - another process has no event to wait for
        await anyio.sleep(0.02)
    assert (await states(host, job_id))[-1][0] == "cancelled"


async def test_a_cancelled_job_that_does_not_listen_is_stopped_after_its_grace(
    host: Avance, enqueue: Enqueue, worker: RqWorker, tmp_path: Path
) -> None:
    job_id = await enqueue("errands_of_rq.hold", str(tmp_path))
    await until(host, job_id, lambda job: job.progress.percent == 40)
    await host.jobs.cancel(job_id)
    horse = (tmp_path / "horse").read_text()
    while os.path.exists(f"/proc/{horse}"):  # noqa: ASYNC110, ASYNC240 - as above
        await anyio.sleep(0.05)
    # The worker itself goes on.
    assert (await ended(host, await enqueue("errands_of_rq.add", 1, 1))).state is State.COMPLETED


async def test_what_was_cancelled_while_it_waited_never_runs(
    host: Avance, enqueue: Enqueue, start_worker: Callable[..., RqWorker], tmp_path: Path
) -> None:
    job_id = await enqueue("errands_of_rq.hold", str(tmp_path), queue="still")
    await until(host, job_id, lambda job: job.state is State.QUEUED)
    await host.jobs.cancel(job_id)
    start_worker("still")
    sum_id = await enqueue("errands_of_rq.add", 1, 1, queue="still")
    assert (await ended(host, sum_id)).state is State.COMPLETED
    assert not (tmp_path / "horse").exists()


async def test_a_cancel_is_answered_when_no_worker_begins_the_job_any_more(
    host: Avance, enqueue: Enqueue, redis_url: str
) -> None:
    """
    However long Redis takes to write it down.
    """
    job_id = await enqueue("errands_of_rq.add", 1, 1, queue="slow")
    await until(host, job_id, lambda job: job.state is State.QUEUED)
    courier = Courier(redis_url)
    with Redis.from_url(redis_url) as connection:
        await run_sync(connection.client_pause, 500, False)
        assert not await run_sync(courier.writer.is_cancelled, job_id)
        assert (await host.jobs.cancel(job_id)).state is State.CANCELLED
        assert await run_sync(courier.writer.is_cancelled, job_id)


async def test_a_cancelled_job_that_a_worker_takes_leaves_nothing_in_its_queue(
    host: Avance,
    enqueue: Enqueue,
    start_worker: Callable[..., RqWorker],
    redis_url: str,
    tmp_path: Path,
) -> None:
    """
    RQ would find it a minute later as stuck on its way, and try it again.
    """
    job_id = await enqueue("errands_of_rq.hold", str(tmp_path), queue="left", retry=Retry(max=3))
    await until(host, job_id, lambda job: job.state is State.QUEUED)
    await host.jobs.cancel(job_id)
    start_worker("left")
    sum_id = await enqueue("errands_of_rq.add", 1, 1, queue="left")
    assert (await ended(host, sum_id)).state is State.COMPLETED

    def left() -> tuple[list[str], JobStatus | None]:
        with Redis.from_url(redis_url) as connection:
            queue = Queue("left", connection=connection)
            status = RqJob.fetch(job_id, connection=connection).get_status()
            return [*queue.get_job_ids(), *queue.intermediate_queue.get_job_ids()], status

    while (found := await run_sync(left))[0]:  # noqa: ASYNC110 - as above
        await anyio.sleep(0.02)
    assert found[1] is JobStatus.CANCELED
    assert not (tmp_path / "horse").exists()


async def test_a_work_horse_that_outlives_its_parent_is_asked_about(
    host: Avance,
    enqueue: Enqueue,
    start_worker: Callable[..., RqWorker],
    redis_url: str,
    tmp_path: Path,
) -> None:
    """
    Nobody is left to tell, and RQ itself looks only after minutes: with its lease over, the job has the result that RQ keeps.
    """
    worker = start_worker("doomed")
    job_id = await enqueue("errands_of_rq.hold", str(tmp_path), queue="doomed")
    lost_id = await enqueue("errands_of_rq.hold", str(tmp_path / "nowhere"), queue="doomed")
    await until(host, job_id, lambda job: job.progress.percent == 40)
    worker.kill_parent()
    (tmp_path / "go").touch()
    job = await ended(host, job_id)
    assert (job.state, bytes(job.result or b"")) == (State.COMPLETED, b'"held"')
    assert (await host.jobs.get(lost_id)).state is State.QUEUED

    def clean_up() -> None:
        """
        What another worker does some day; RQ then calls the job failed.
        """
        with Redis.from_url(redis_url) as connection:
            registry = StartedJobRegistry("doomed", connection=connection)
            connection.zadd(registry.key, {f"{job_id}:later": 1})
            registry.cleanup()

    await run_sync(clean_up)
    assert [name for name, _ in await states(host, job_id)][-1] == "completed"


async def test_a_worker_that_is_lost_altogether_is_noticed_within_its_lease(
    host: Avance, enqueue: Enqueue, start_worker: Callable[..., RqWorker], tmp_path: Path
) -> None:
    worker = start_worker("doomed")
    job_id = await enqueue("errands_of_rq.hold", str(tmp_path), queue="doomed")
    await until(host, job_id, lambda job: job.progress.percent == 40)
    os.kill(int((tmp_path / "horse").read_text()), signal.SIGSTOP)
    worker.kill()
    job = await ended(host, job_id)
    assert job.error is not None
    assert (job.state, job.error.kind) == (State.FAILED, "worker_lost")
    assert f"not heard for {SOON.lease_s:g} s" in job.error.message


async def test_a_job_over_its_time_fails_as_that(
    host: Avance, enqueue: Enqueue, worker: RqWorker, tmp_path: Path
) -> None:
    """
    001-33: RQ raises in its work horse.
    """
    job_id = await enqueue("errands_of_rq.hold", str(tmp_path), job_timeout=1)
    job = await ended(host, job_id)
    assert job.error is not None
    assert (job.state, job.error.kind) == (State.FAILED, "timeout")
