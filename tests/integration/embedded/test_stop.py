"""
The ladder: a task is asked to stop, interrupted, and after the grace killed with all that it started.
"""

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from avance.backends.embedded import EmbeddedLimits
from avance.model.report import Done, Failed, LogWritten


@pytest.mark.parametrize("task", ["spin", "nap", "await_for_ever", "gather_for_ever"])
async def test_an_interrupted_task_cleans_up_and_its_process_goes_on(opened, tmp_path: Path, task):
    marker = tmp_path / "marker"
    async with opened(processes=1) as rig:
        rig.start("a", task, str(marker))
        await rig.log.running("a")
        pid = rig.pid_of("a")
        rig.executor.stop("a", 1, grace_s=60)
        await rig.ready()
        assert rig.pids == [pid]
        assert marker.read_text() == "cleaned up"
        rig.start("b", "quick", 1)
        assert isinstance(await rig.log.end("b"), Done)
    assert rig.log.ends("a") == []


async def test_a_task_that_waits_for_an_answer_is_interrupted(opened, tmp_path: Path):
    marker = tmp_path / "marker"
    async with opened(processes=1) as rig:
        rig.log.answers.clear()
        rig.start("a", "wait_for_answer", str(marker))
        await rig.log.until(lambda: bool(rig.log.asked))
        pid = rig.pid_of("a")
        rig.executor.stop("a", 1, grace_s=60)
        await rig.ready()
        assert rig.pids == [pid]
        assert marker.exists()


@pytest.mark.parametrize("task", ["hog", "stubborn", "start_program"])
async def test_a_task_that_does_not_stop_is_killed_and_replaced(opened, task):
    async with opened(processes=1) as rig:
        rig.start("a", task)
        await rig.log.running("a")
        pid = rig.pid_of("a")
        rig.executor.stop("a", 1, grace_s=0.2)
        # Said again with less: that shortens nothing.
        rig.executor.stop("a", 1, grace_s=0)
        await rig.ready()
        assert not rig.is_alive(pid)
        assert pid not in rig.pids
        rig.start("b", "quick", 1)
        assert isinstance(await rig.log.end("b"), Done)
    assert rig.log.ends("a") == []


async def test_what_a_killed_task_had_started_is_killed_too(opened):
    async with opened(processes=1) as rig:
        rig.start("a", "start_program")
        program = await rig.told_pid("a")
        rig.executor.stop("a", 1, grace_s=0.05)
        await rig.ready()
        await rig.dead(program)


@pytest.mark.parametrize("task", ["hog", "stubborn"])
async def test_a_task_over_its_time_is_killed_after_the_grace(opened, task):
    async with opened(processes=1) as rig:
        rig.start("a", task, timeout_s=0.2, grace_s=0.1)
        end = await rig.log.end("a")
        assert isinstance(end, Failed)
        assert end.error.kind == "timeout"
        await rig.ready()
        rig.start("b", "quick", 1)
        assert isinstance(await rig.log.end("b"), Done)
    assert len(rig.log.ends("a")) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_a_stop_at_any_moment_never_hits_another_attempt(opened, seed):
    chance = random.Random(seed)
    count = 120
    stopped: set[str] = set()
    async with opened(processes=2) as rig:
        pids = set(rig.pids)
        for number in range(count):
            await rig.ready()
            job_id = f"job-{number}"
            rig.start(job_id, "quick", number)
            if chance.random() < 0.5:
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                stopped.add(job_id)
                rig.executor.stop(job_id, 1, grace_s=60)
        await rig.ready(2)
        # Nobody had to be killed, so everybody heard of the stop, or was done before.
        assert set(rig.pids) == pids
    for number in range(count):
        ends = rig.log.ends(f"job-{number}")
        assert len(ends) <= 1
        if f"job-{number}" not in stopped:
            assert [type(end) for end in ends] == [Done]


async def test_a_termination_signal_from_outside_does_not_disturb_a_child(opened, tmp_path: Path):
    """A service manager sends one to every process of the service; the server ends its children in order."""
    async with opened(processes=1) as rig:
        (pid,) = rig.pids
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        rig.start("a", "nap", str(tmp_path / "marker"))
        await rig.log.running("a")
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        rig.executor.stop("a", 1, grace_s=60)
        await rig.ready()
        rig.start("b", "pid")
        end = await rig.log.end("b")
        assert isinstance(end, Done)
        assert bytes(end.result) == b"%d" % pid


async def test_coroutines_that_ignore_their_cancellation_are_given_up_to_a_limit(opened, release):
    limits = EmbeddedLimits(abandoned_max=2, close_grace_s=0.1, cancel_grace_s_min=0.01)
    async with opened(async_max=1, limits=limits) as rig:
        for number in range(2):
            rig.start(f"job-{number}", "stubborn_async", runner="async")
            await rig.log.running(f"job-{number}")
            rig.executor.stop(f"job-{number}", 1, grace_s=0.01)
            await rig.ready(1, "async")
        health = rig.executor.health()
        assert not health["ok"]
        assert "2 coroutines" in str(health["reason"])
        release.set()


async def test_threads_that_do_not_stop_are_given_up_and_come_back_later(opened, release):
    limits = EmbeddedLimits(abandoned_max=1, close_grace_s=0.1, cancel_grace_s_min=0.01)
    async with opened(threads=1, limits=limits) as rig:
        rig.start("a", "deaf", runner="thread")
        await rig.log.running("a")
        rig.executor.stop("a", 1, grace_s=0.01)
        await rig.ready(1, "thread")
        assert not rig.executor.health()["ok"]
        rig.start("b", "deaf", runner="thread")
        await rig.log.running("b")
        rig.executor.stop("b", 1, grace_s=0.01)
        # At the limit the place stays taken until a thread ends.
        release.set()
        await rig.ready(1, "thread")
        await rig.log.until(lambda: rig.executor.health()["ok"])
        rig.start("c", "quick", 3, runner="thread")
        assert isinstance(await rig.log.end("c"), Done)


async def test_an_interrupted_task_that_goes_on_is_not_interrupted_again(opened):
    async with opened(processes=1) as rig:
        rig.start("a", "stubborn")
        await rig.log.running("a")
        rig.executor.stop("a", 1, grace_s=0.3)
        await rig.ready()
    lines = [one.message for one in rig.log.of("a") if isinstance(one, LogWritten)]
    assert lines == ["running"]


@pytest.mark.timeout(60)
async def test_no_interruption_gets_lost_and_none_disturbs_the_cleaning_up(opened, tmp_path: Path):
    rounds = 60
    async with opened(processes=1) as rig:
        rig.log.answers.clear()
        pids = rig.pids
        for number in range(rounds):
            job_id, marker = f"job-{number}", tmp_path / str(number)
            task = ("nap", "wait_for_answer", "spin", "gather_for_ever")[number % 4]
            rig.start(job_id, task, str(marker))
            # As soon as possible: the task is then about to enter a call that blocks.
            await rig.log.running(job_id)
            rig.executor.stop(job_id, 1, grace_s=60)
            await rig.ready()
            assert marker.read_text() == "cleaned up"
        assert rig.pids == pids
