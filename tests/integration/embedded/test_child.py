"""
The children in ordinary life: started, reused, replaced, and kept from filling the memory.
"""

import asyncio
import logging
import os
import signal
import time
from pathlib import Path

import pytest

from avance.backends.embedded import EmbeddedLimits
from avance.model.report import Done, LogWritten, Lost, ProgressMade


@pytest.mark.timeout(60)
async def test_a_thousand_small_jobs_run_in_the_same_two_children(opened):
    async with opened(processes=2) as rig:
        pids = set(rig.pids)
        for number in range(1_000):
            await rig.ready()
            rig.start(f"job-{number}", "quick", number)
        await rig.ready(2)
        assert set(rig.pids) == pids
        assert sum(info["jobs_done"] for info in rig.executor.workers()) == 1_000
    for number in range(1_000):
        (end,) = rig.log.ends(f"job-{number}")
        assert isinstance(end, Done)
        assert bytes(end.result) == b"%d" % number


async def test_a_child_is_replaced_after_its_number_of_jobs(opened):
    seen = []
    async with opened(processes=1, jobs_per_child_max=2) as rig:
        for number in range(4):
            await rig.ready()
            rig.start(f"job-{number}", "pid")
            end = await rig.log.end(f"job-{number}")
            assert isinstance(end, Done)
            seen.append(bytes(end.result))
    assert seen[0] == seen[1] != seen[2] == seen[3]


async def test_what_was_fetched_ahead_goes_back_unbegun_when_the_job_before_it_is_long(opened):
    limits = EmbeddedLimits(ahead_s=60, ahead_wait_s=0.05)
    async with opened(processes=1, fetches_ahead=True, limits=limits) as rig:
        rig.start("first", "quick", 1)
        await rig.log.end("first")
        await rig.ready(3)
        rig.start("long", "stubborn")
        rig.start("a", "quick", 1)
        rig.start("b", "quick", 2)
        for job_id in ("a", "b"):
            end = await rig.log.end(job_id)
            assert isinstance(end, Lost)
            assert (end.is_counted, end.has_begun) == (False, False)
        assert rig.log.ends("long") == []
        rig.executor.stop("long", 1, grace_s=0)


async def test_lazy_children_start_with_the_first_job(opened):
    async with opened(processes=2, is_lazy=True) as rig:
        assert rig.pids == []
        rig.start("a", "quick", 1)
        assert isinstance(await rig.log.end("a"), Done)
        await rig.ready(2)


@pytest.mark.parametrize(("argument", "said"), [(None, b'"none"'), ("x" * 300_000, None)])
async def test_the_program_gets_the_argument_that_it_is_started_with(opened, argument, said):
    async with opened(processes=1, child_argument=argument) as rig:
        rig.start("a", "given")
        end = await rig.log.end("a")
    assert isinstance(end, Done)
    assert bytes(end.result) == (said or f'"{argument}"'.encode())


async def test_the_console_sees_who_works_on_what(opened):
    async with opened(processes=1) as rig:
        rig.start("a", "stubborn")
        await rig.log.running("a")
        (info,) = rig.executor.workers()
        assert info["job_id"] == "a"
        assert info["runner"] == "process"
        assert info["since_ms"] is not None
        rig.executor.stop("a", 1, grace_s=0)
        await rig.ready()
        (info,) = rig.executor.workers()
        assert info["job_id"] is None


async def test_what_a_task_prints_is_seen_on_the_servers_error_stream(opened, capfd):
    async with opened(processes=1) as rig:
        rig.start("a", "speak", "good evening")
        await rig.log.end("a")
    assert "good evening" in capfd.readouterr().err


@pytest.mark.timeout(60)
async def test_a_flood_of_reports_to_a_slow_server_stays_small(opened):
    count = 60_000
    async with opened(processes=1) as rig:
        slow = rig.log._take

        def take(report):
            # Blocks the loop, as a server that is busy with other things does.
            until = time.perf_counter() + 0.0005
            while time.perf_counter() < until:
                pass
            slow(report)

        rig.executor._sink = take
        rig.start("a", "flood", count)
        end = await rig.log.end("a")
    assert isinstance(end, Done)
    # 60,000 reports of more than 200 bytes would be 12 MB and more; they gave way to one another.
    assert int(bytes(end.result).split(b":")[1].rstrip(b"}")) < 8_000_000
    progress = [one for one in rig.log.of("a") if isinstance(one, ProgressMade)]
    assert len(progress) < count
    assert (progress[0].current, progress[-1].current) == (0, count)
    told = [one.current for one in progress]
    assert told == sorted(told)
    lines = [one.message for one in rig.log.of("a") if isinstance(one, LogWritten)]
    assert lines == [f"line {number}" for number in range(0, count, 1000)]


async def test_a_flood_from_a_thread_stays_small_and_in_order(opened):
    limits = EmbeddedLimits(backlog_reports_max=64, conflate_from=16)
    async with opened(threads=1, limits=limits) as rig:
        rig.start("a", "flood", 20_000, runner="thread")
        end = await rig.log.end("a")
    assert isinstance(end, Done)
    numbers = [one.n for one in rig.log.of("a")]
    assert numbers == sorted(numbers)
    lines = [one.message for one in rig.log.of("a") if isinstance(one, LogWritten)]
    assert lines == [f"line {number}" for number in range(0, 20_000, 1000)]


@pytest.mark.parametrize("runner", ["process", "thread"])
async def test_a_task_whose_reports_are_held_back_waits_for_the_server(opened, runner):
    count = 20_000
    places = {"processes": 1} if runner == "process" else {"threads": 1}
    async with opened(**places) as rig:
        rig.start("a", "chatter", count, runner=runner)
        await rig.log.running("a")
        rig.executor.pause("a", 1, is_paused=True)
        told = len(rig.log.reports)
        # Something else is served meanwhile, and nothing of the task arrives.
        rig.executor.pause("unknown", 1, is_paused=True)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(rig.log.reports) == told
        assert told < count
        rig.executor.pause("a", 1, is_paused=False)
        assert isinstance(await rig.log.end("a"), Done)
    lines = [one.message for one in rig.log.of("a") if isinstance(one, LogWritten)]
    assert lines == [f"line {number}" for number in range(count)]


async def test_a_task_that_is_held_back_can_be_stopped_and_can_die(opened):
    async with opened(processes=1) as rig:
        for job_id, end in (("a", "stop"), ("b", "kill")):
            await rig.ready()
            rig.start(job_id, "chatter", 10_000_000)
            await rig.log.running(job_id)
            rig.executor.pause(job_id, 1, is_paused=True)
            if end == "stop":
                rig.executor.stop(job_id, 1, grace_s=60)
            else:
                os.kill(rig.pid_of(job_id), signal.SIGKILL)
        assert isinstance(await rig.log.end("b"), Lost)


async def test_a_child_that_sends_rubbish_is_replaced(opened):
    async with opened(processes=1) as rig:
        rig.start("a", "write_rubbish")
        end = await rig.log.end("a")
        assert isinstance(end, Lost)
        assert "cannot be read" in end.reason
        await rig.ready()


@pytest.mark.parametrize("runner", ["process", "thread"])
async def test_questions_of_one_attempt_are_bounded(opened, runner):
    limits = EmbeddedLimits(questions_max=4)
    places = {"processes": 1} if runner == "process" else {"threads": 1}
    async with opened(limits=limits, **places) as rig:
        rig.log.answers.clear()
        rig.start("a", "ask_much", 10, runner=runner)
        await rig.log.until(lambda: len(rig.log.asked) == 4)
        # Those over the limit are refused while the first wait; nobody hears of them.
        rig.log.answers.set()
        end = await rig.log.end("a")
    assert isinstance(end, Done)
    answers = bytes(end.result)
    assert answers.count(b"child-1") >= 4
    assert answers.count(b"child-1") + answers.count(b"too_many_questions") == 10


async def test_a_program_that_cannot_be_imported_burns_no_job(
    opened, tmp_path: Path, monkeypatch, caplog
):
    monkeypatch.syspath_prepend(str(tmp_path))
    program = tmp_path / "late_program.py"
    program.write_text("raise RuntimeError('half installed')")
    limits = EmbeddedLimits(respawn_wait_s=(0.01,))
    with caplog.at_level(logging.ERROR):
        async with opened(
            processes=1, is_lazy=True, child_target="late_program:performer", limits=limits
        ) as rig:
            rig.start("a", "quick", 1)
            end = await rig.log.end("a")
            assert isinstance(end, Lost)
            assert not end.is_counted
            assert "half installed" in end.reason
            health = rig.executor.health()
            assert not health["ok"]
            assert "half installed" in str(health["reason"])
            assert rig.executor.free()["process"] == 0
            # Mended while the server runs: the next try finds it.
            program.write_text("from embedded_program import performer")
            await rig.ready()
            assert rig.executor.health() == {"ok": True, "reason": None}
            rig.start("a", "quick", 1, attempt=2)
            assert isinstance(await rig.log.end("a", 2), Done)
    assert "Traceback" in caplog.text


async def test_a_program_that_hangs_at_import_is_given_up(opened, tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "slow_program.py").write_text("import time; time.sleep(600)")
    limits = EmbeddedLimits(ready_timeout_s=0.2, respawn_wait_s=(0.01,))
    async with opened(
        processes=1, is_lazy=True, child_target="slow_program:performer", limits=limits
    ) as rig:
        rig.start("a", "quick", 1)
        end = await rig.log.end("a")
    assert isinstance(end, Lost)
    assert not end.is_counted
    assert "0.2 s" in end.reason
