"""
A child may die at any moment, and so may the serving process.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from avance.backends.embedded import EmbeddedLimits
from avance.model.report import Done, Failed, Lost

HERE = Path(__file__).parent


async def test_a_killed_child_is_told_at_once_and_replaced(opened):
    async with opened(processes=1) as rig:
        rig.start("a", "stubborn")
        await rig.log.running("a")
        pid = rig.pid_of("a")
        os.kill(pid, signal.SIGKILL)
        end = await rig.log.end("a")
        assert isinstance(end, Lost)
        assert end.is_counted
        assert "SIGKILL" in end.reason
        await rig.ready()
        assert pid not in rig.pids
    assert len(rig.log.ends("a")) == 1


@pytest.mark.parametrize(
    ("task", "argument", "said"),
    [
        ("exit_hard", 3, "exited with code 3"),
        ("exit_hard", 0, "exited with code 0"),
        ("kill_self", signal.SIGSEGV, "SIGSEGV"),
    ],
)
async def test_a_task_that_ends_its_process_is_lost_with_the_reason(opened, task, argument, said):
    async with opened(processes=1) as rig:
        rig.start("a", task, argument)
        end = await rig.log.end("a")
        assert isinstance(end, Lost)
        assert said in end.reason


@pytest.mark.parametrize(
    ("task", "code"), [("raise_exit", "task_error"), ("raise_cancelled", "cancelled_by_task")]
)
async def test_a_task_that_raises_what_ends_a_program_only_fails(opened, task, code):
    async with opened(processes=1) as rig:
        pids = rig.pids
        rig.start("a", task)
        end = await rig.log.end("a")
        assert isinstance(end, Failed)
        assert end.error.code == code
        await rig.ready()
        assert rig.pids == pids


async def test_what_a_crashed_task_had_started_is_killed(opened):
    async with opened(processes=1) as rig:
        rig.start("a", "start_program", "crash")
        program = await rig.told_pid("a")
        assert isinstance(await rig.log.end("a"), Lost)
        await rig.dead(program)


async def test_a_process_that_the_task_forked_does_not_hide_its_death(opened):
    """It inherits the connection, whose end would otherwise tell."""
    async with opened(processes=1) as rig:
        rig.start("a", "leave_fork")
        forked = await rig.told_pid("a")
        os.kill(rig.pid_of("a"), signal.SIGKILL)
        assert isinstance(await rig.log.end("a"), Lost)
        await rig.dead(forked)


async def test_a_task_may_use_processes_of_its_own(opened):
    async with opened(processes=1) as rig:
        rig.start("a", "pool_of_forks")
        end = await rig.log.end("a")
        assert isinstance(end, Done), end
        assert bytes(end.result) == b"[1,2,3]"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(2))
async def test_kills_at_random_moments_leave_one_end_each(opened, seed):
    chance = random.Random(seed)
    count = 40
    kills = 6
    kill_at = set(chance.sample(range(count), kills))
    async with opened(processes=2) as rig:
        for number in range(count):
            await rig.ready()
            rig.start(f"job-{number}", "quick", number)
            if number in kill_at:
                for _ in range(chance.randrange(6)):
                    await asyncio.sleep(0)
                os.kill(chance.choice(rig.pids), signal.SIGKILL)
        for number in range(count):
            await rig.log.end(f"job-{number}")
        await rig.ready(2)
    for number in range(count):
        (end,) = rig.log.ends(f"job-{number}")
        assert isinstance(end, Done | Lost)
        if isinstance(end, Done):
            assert bytes(end.result) == b"%d" % number


async def test_an_attempt_started_while_no_child_lives_waits_for_the_next(opened):
    async with opened(processes=1) as rig:
        (pid,) = rig.pids
        os.kill(pid, signal.SIGKILL)
        # The place still counts as free: nobody has heard yet.
        rig.start("a", "quick", 1)
        end = await rig.log.end("a")
        await rig.ready()
        if isinstance(end, Lost):
            rig.start("a", "quick", 1, attempt=2)
            end = await rig.log.end("a", 2)
        assert isinstance(end, Done)


SERVER = """
import asyncio, sys
sys.path.insert(0, {here!r})
import embedded_program
from avance.backends.embedded import EmbeddedExecutor
from avance.model.report import LogWritten
from avance.ports.executor import Run

async def main():
    def sink(report):
        if isinstance(report, LogWritten):
            print(report.fields.get("pid", 0), flush=True)

    async def ask(*_):
        return b"{{}}"

    executor = EmbeddedExecutor(
        performer=embedded_program.performer(), child_target="embedded_program:performer", processes=2
    )
    free = asyncio.Event()
    executor.attach(sink, ask, free.set)
    async with executor:
        while executor.free()["process"] < 2:
            free.clear()
            await free.wait()
        for info in executor.workers():
            print(info["pid"], flush=True)
        for number, then in enumerate(("hog", "stubborn")):
            body = b'{{"args":["%s"],"kwargs":{{}}}}' % then.encode()
            executor.start(Run(job_id=str(number), attempt=1, task="start_program", input=body, runner="process"))
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.timeout(60)
async def test_nothing_outlives_a_serving_process_that_is_killed(rig_tools):
    """Not even a child that is deaf in C, nor what it has started."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER.format(here=str(HERE)), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    # Two children, then each task tells the program that it has started; the one that is deaf tells that it runs, too.
    told = [int(await server.stdout.readline()) for _ in range(5)]
    pids = [pid for pid in told if pid]
    assert len(pids) == 4
    assert all(rig_tools.is_alive(pid) for pid in pids)
    server.kill()
    await server.wait()
    await rig_tools.dead(*pids)
    server._transport.close()  # type: ignore[attr-defined]


async def test_closing_does_not_wait_for_a_child_that_does_not_stop(opened):
    limits = EmbeddedLimits(close_grace_s=0.1)
    async with opened(processes=2, limits=limits) as rig:
        rig.start("a", "hog")
        rig.start("b", "stubborn")
        await rig.log.running("a")
        await rig.log.running("b")
        pids = rig.pids
    assert not any(rig.is_alive(pid) for pid in pids)
    for job_id in ("a", "b"):
        (end,) = rig.log.ends(job_id)
        assert isinstance(end, Lost)
        assert not end.is_counted


async def test_closing_while_children_start_leaves_none(opened):
    async with opened(processes=2, waits=False) as rig:
        await asyncio.sleep(0)
    assert rig.executor.workers() == []
    assert not rig.executor.free()["process"]


async def test_a_close_that_is_cut_short_still_leaves_no_process(opened, rig_tools):
    pids: list[int] = []

    async def serve() -> None:
        async with opened(processes=2, limits=EmbeddedLimits(close_grace_s=600)) as rig:
            rig.start("a", "stubborn")
            await rig.log.running("a")
            pids.extend(rig.pids)
            serving.set()
            await asyncio.Event().wait()

    serving = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve())
        await serving.wait()
        task.cancel()
        await asyncio.sleep(0)
        # It now closes in order, which would take ten minutes.
        task.cancel()
    await rig_tools.dead(*pids)


async def test_a_guard_that_dies_is_replaced_before_the_next_child(opened, rig_tools):
    async with opened(processes=1) as rig:
        (first,) = await asyncio.to_thread(rig_tools.guards)
        os.kill(first, signal.SIGKILL)
        (pid,) = rig.pids
        os.kill(pid, signal.SIGKILL)
        await rig.log.until(lambda: rig.pids != [pid])
        await rig.ready()
        guards = await asyncio.to_thread(rig_tools.guards)
        assert len(guards) == 1
        assert guards != [first]
