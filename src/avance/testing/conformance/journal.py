import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest
from anyio.to_thread import run_sync

from avance.ports.journal import Entry, Journal, ReportWriter

MakeJournal = Callable[[str], Journal]
Batches = AsyncGenerator[Sequence[Entry] | None]
WAIT_S = 20.0


@asynccontextmanager
async def reading(journal: Journal) -> AsyncIterator[Batches]:
    async with aclosing(journal.batches()) as batches:
        try:
            assert await anext(batches) is None, "reading begins with None"
            yield batches
        finally:
            journal.close()
    await journal.aclose()


async def bodies(batches: Batches, count: int) -> list[Entry]:
    """
    So many entries.
    """
    found: list[Entry] = []
    with anyio.fail_after(WAIT_S):
        while len(found) < count:
            batch = await anext(batches)
            found += () if batch is None else batch
    return found


@pytest.mark.anyio
class JournalConformance:
    @pytest.fixture
    def make_journal(self) -> MakeJournal:
        """
        A function that makes the reading side of one empty journal for a node of this name.
        """
        raise NotImplementedError

    @pytest.fixture
    def make_writer(self) -> Callable[[], ReportWriter]:
        """
        A function that makes a writer of that journal.
        """
        raise NotImplementedError

    @pytest.fixture
    def writer(self, make_writer: Callable[[], ReportWriter]) -> Iterator[ReportWriter]:
        writer = make_writer()
        yield writer
        writer.close()

    async def test_what_one_writer_wrote_comes_in_order(
        self, make_journal: MakeJournal, writer: ReportWriter
    ) -> None:
        wanted = [b"%d" % n for n in range(1_200)]
        for body in wanted:
            writer.append(body)
        async with reading(make_journal("a")) as batches:
            assert [entry.body for entry in await bodies(batches, len(wanted))] == wanted

    async def test_what_nobody_acknowledged_comes_again_to_whoever_reads_next(
        self, make_journal: MakeJournal, writer: ReportWriter
    ) -> None:
        for body in (b"1", b"2", b"3"):
            writer.append(body)
        assert await run_sync(writer.flush, WAIT_S)
        first = make_journal("a")
        async with reading(first) as batches:
            entries = await bodies(batches, 3)
            await first.acknowledge(entries[:1])
        writer.append(b"4")
        assert await run_sync(writer.flush, WAIT_S)
        second = make_journal("b")
        async with reading(second) as batches:
            again = await bodies(batches, 3)
            assert [entry.body for entry in again] == [b"2", b"3", b"4"]
            await second.acknowledge(again)
        async with reading(make_journal("c")) as batches:
            assert await anext(batches) == []

    async def test_one_reads_at_a_time_and_the_next_begins_when_it_leaves(
        self, make_journal: MakeJournal, writer: ReportWriter
    ) -> None:
        first, second = make_journal("a"), make_journal("b")
        begun = anyio.Event()

        async def wait_for_its_turn() -> None:
            async with reading(second) as batches:
                begun.set()
                assert [entry.body for entry in await bodies(batches, 1)] == [b"later"]

        async with anyio.create_task_group() as tasks:
            async with reading(first) as batches:
                tasks.start_soon(wait_for_its_turn)
                writer.append(b"now")
                await first.acknowledge(await bodies(batches, 1))
                assert await first.keep()
                assert not await second.keep()
                assert not begun.is_set()
            with anyio.fail_after(WAIT_S):
                await begun.wait()
            writer.append(b"later")

    async def test_a_reader_knows_whether_it_has_read_all(
        self, make_journal: MakeJournal, writer: ReportWriter
    ) -> None:
        writer.append(b"1")
        assert await run_sync(writer.flush, WAIT_S)
        journal = make_journal("a")
        async with reading(journal) as batches:
            await bodies(batches, 1)
            assert journal.is_caught_up
            assert journal.problem is None

    async def test_of_progress_that_waits_the_latest_is_written(
        self, make_journal: MakeJournal, writer: ReportWriter
    ) -> None:
        for n in range(5_000):
            writer.append(b"p%d" % n, conflate="progress")
        writer.append(b"end")
        async with reading(make_journal("a")) as batches:
            found = [b""]
            while found[-1] != b"end":
                found += [entry.body for entry in await bodies(batches, 1)]
        assert len(found) < 5_000
        assert found[-2] == b"p4999"

    async def test_writers_in_several_threads_lose_nothing(
        self, make_journal: MakeJournal, writer: ReportWriter
    ) -> None:
        def write(number: int) -> None:
            for n in range(100):
                writer.append(b"%d-%d" % (number, n))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        async with reading(make_journal("a")) as batches:
            found = [entry.body for entry in await bodies(batches, 400)]
        for number in range(4):
            own = [body for body in found if body.startswith(b"%d-" % number)]
            assert own == [b"%d-%d" % (number, n) for n in range(100)]

    async def test_a_cancel_reaches_those_who_listen_and_those_who_ask_later(
        self,
        make_journal: MakeJournal,
        writer: ReportWriter,
        make_writer: Callable[[], ReportWriter],
    ) -> None:
        heard = threading.Event()
        writer.listen(lambda job_id: heard.set() if job_id == "j-1" else None)
        journal = make_journal("a")
        # Whoever begins to listen may not be there yet at the first.
        with anyio.fail_after(WAIT_S):
            while not await run_sync(heard.wait, 0.05):
                await journal.cancel("j-1")
        await journal.aclose()
        later = make_writer()
        try:
            assert await run_sync(later.is_cancelled, "j-1")
            assert not await run_sync(later.is_cancelled, "j-2")
        finally:
            await run_sync(later.close)
