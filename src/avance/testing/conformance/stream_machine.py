"""
A store as a state machine: whatever is committed, refused, closed and opened again, the streams and records are those of a model.
"""

import asyncio
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from avance.errors import Conflict
from avance.model.job import Job
from avance.model.stream import Append, job_channel, stamp
from avance.ports.store import Commit, Durability, JobWrite, Store
from avance.testing.clock import FakeClock
from avance.testing.conformance.sample import MakeStore, a_job

NAMES = ("a", "b", "c")
_examples = count(1)
durabilities: st.SearchStrategy[Durability] = st.sampled_from(Durability)


class StreamMachine(RuleBasedStateMachine):
    def __init__(self, make_store: MakeStore, *, keeps_data: bool) -> None:
        super().__init__()
        self.make_store = make_store
        self.keeps_data = keeps_data
        self.runner: asyncio.Runner = asyncio.Runner()
        self.epochs: dict[str, str] = {}
        self.streams: dict[str, list[bytes]] = {}
        self.jobs: dict[str, Job] = {}
        # Examples of one test share its data: each has names of its own.
        self.example: int = next(_examples)
        self.store: Store = self._opened()
        self.runner.run(self._find())

    def _opened(self) -> Store:
        return self.runner.run(self.make_store(FakeClock()).__aenter__())

    def _name(self, name: str) -> str:
        return f"{self.example}-{name}"

    async def _find(self) -> None:
        for name in map(self._name, NAMES):
            for channel in (name, job_channel(name)):
                self.epochs[channel] = (await self.store.stream(channel)).top.epoch
                self.streams[channel] = []

    def teardown(self) -> None:
        self.runner.run(self.store.__aexit__(None, None, None))
        self.runner.close()

    @rule(
        channels=st.lists(st.sampled_from(NAMES), max_size=4),
        jobs=st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        durability=durabilities,
    )
    def commit(self, channels: list[str], jobs: list[str], durability: Durability) -> None:
        names = [self._name(name) for name in jobs]
        told = [*map(self._name, channels), *map(job_channel, names)]
        appends = [_event(channel) for channel in told]
        writes = [self._next(job_id) for job_id in names]
        commit = Commit(writes=tuple(writes), appends=tuple(appends), durability=durability)
        publications = self.runner.run(self.store.commit(commit))
        for append, publication in zip(appends, publications, strict=True):
            stream = self.streams[append.channel]
            stream.append(stamp(append.body, len(stream) + 1))
            assert publication.offset == len(stream)
            assert publication.data == stream[-1]
            assert publication.epoch == self.epochs[append.channel]
        for write in writes:
            self.jobs[write.job.id] = write.job

    @precondition(lambda self: bool(self.jobs))
    @rule(data=st.data(), off_by=st.sampled_from([-1, 1, 7]))
    def commit_what_is_stale(self, data: st.DataObject, off_by: int) -> None:
        job = self.jobs[data.draw(st.sampled_from(sorted(self.jobs)))]
        wrong = replace(job, seq=job.seq + off_by + 1)
        commit = Commit(
            writes=(JobWrite(job=wrong, expects=job.seq + off_by),),
            appends=(_event(job_channel(job.id)), _event(self._name("a"))),
        )
        try:
            self.runner.run(self.store.commit(commit))
        except Conflict as refusal:
            assert refusal.code == "stale_write"  # noqa: PT017  the machine has no pytest
        else:
            raise AssertionError("a stale write was taken")

    @rule(count=st.integers(1, 8))
    def commit_together(self, count: int) -> None:
        shared = self._name("b")

        async def all_of_them() -> list[int]:
            told = await asyncio.gather(
                *(self.store.commit(Commit(appends=(_event(shared),))) for _ in range(count))
            )
            return sorted(publications[0].offset for publications in told)

        before = len(self.streams[shared])
        assert self.runner.run(all_of_them()) == list(range(before + 1, before + count + 1))
        for offset in range(before + 1, before + count + 1):
            self.streams[shared].append(stamp(_event(shared).body, offset))

    @precondition(lambda self: self.keeps_data)
    @rule()
    def open_again(self) -> None:
        self.runner.run(self.store.__aexit__(None, None, None))
        self.store = self._opened()

    @invariant()
    def streams_and_records_are_those_of_the_model(self) -> None:
        self.runner.run(self._compare())

    async def _compare(self) -> None:
        for channel, stream in self.streams.items():
            page = await self.store.stream(channel, limit=100_000)
            assert page.top.epoch == self.epochs[channel]
            assert page.top.offset == len(stream)
            assert [p.offset for p in page.publications] == list(range(1, len(stream) + 1))
            assert [p.data for p in page.publications] == stream
        for job_id in map(self._name, NAMES):
            assert await self.store.job(job_id) == self.jobs.get(job_id)

    def _next(self, job_id: str) -> JobWrite:
        job = self.jobs.get(job_id)
        if job is None:
            return JobWrite(job=a_job(job_id, seq=1), expects=None)
        return JobWrite(job=replace(job, seq=job.seq + 1), expects=job.seq)


def _event(channel: str) -> Append:
    return Append(channel=channel, body=b'{"type":"log"}')
