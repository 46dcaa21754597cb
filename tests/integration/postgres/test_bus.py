"""
News that do not fit in a notification, and a listening connection that is cut.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import psycopg
import pytest
from postgres_service import PostgresServer

from avance.backends.postgres import PostgresBus, PostgresDatabase, PostgresStore
from avance.backends.postgres.unit import Unit
from avance.backends.system import SystemClock
from avance.model.stream import Append, Publication
from avance.ports.bus import Hint, Letter
from avance.ports.store import Commit
from avance.testing.conformance.bus import Ear
from avance.testing.conformance.sample import an_event

LARGE = b'{"text":"' + b"x" * 60_000 + b'"}'


@pytest.fixture
async def buses(postgres_url: str) -> AsyncIterator[list[PostgresBus]]:
    async with AsyncExitStack() as stack:
        made = [
            PostgresBus(PostgresDatabase(postgres_url, clock=SystemClock()), node=f"n{n}")
            for n in range(2)
        ]
        yield [await stack.enter_async_context(bus) for bus in made]


async def test_a_commit_brings_its_bytes_to_other_nodes_if_they_fit(
    buses: list[PostgresBus],
) -> None:
    one, two = buses
    ear = Ear(two)
    for name in ("small", "large"):
        two.watch(name, is_watched=True)
    large = Append(channel="large", body=LARGE)
    told = await PostgresStore(one.database).commit(Commit(appends=(an_event("small"), large)))
    await ear.until_hint("large")
    assert ear.hints == [Hint(channel="small", publication=told[0]), Hint(channel="large")]


async def test_nobody_hears_of_a_commit_that_was_refused(buses: list[PostgresBus]) -> None:
    one, two = buses
    ear = Ear(two)
    two.watch("a", is_watched=True)

    def fail(unit: Unit) -> None:
        unit.append_now(an_event("a"))
        raise KeyError

    with pytest.raises(KeyError):
        await one.database.change(fail)
    one.send(Letter(node=None, topic="end"))
    await ear.until_letter(Letter(node=None, topic="end"))
    assert ear.hints == []


@pytest.mark.parametrize("body", [LARGE, b"\x00\xff" * 30_000, b"\x00", b""])
async def test_letters_and_news_without_history_arrive_whatever_their_size(
    buses: list[PostgresBus], body: bytes
) -> None:
    one, two = buses
    ear = Ear(two)
    two.watch("a", is_watched=True)
    letter = Letter(node="n1", topic="kick", body=body)
    told = Publication(channel="a", epoch="", offset=0, data=body)
    one.send(letter)
    one.publish([told])
    await ear.until_letter(letter)
    await ear.until(lambda: Hint(channel="a", publication=told) in ear.hints)


async def test_a_node_whose_listening_was_cut_looks_at_all_that_it_watches(
    buses: list[PostgresBus], postgres_url: str
) -> None:
    one, two = buses
    ear = Ear(two)
    two.watch("a", is_watched=True)
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as other:
        cut = await other.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE query = 'LISTEN avance' AND datname = current_database()"
        )
        assert await cut.fetchone() == (2,)
    await ear.until_hint("a")
    await ear.until_letter(Letter(node=None, topic="queue"))
    with anyio.fail_after(60):
        while one.problems or two.problems:  # noqa: ASYNC110 - it is asked from outside
            await anyio.sleep(0.01)
    told = await PostgresStore(one.database).commit(Commit(appends=(an_event("a"),)))
    await ear.until(lambda: Hint(channel="a", publication=told[0]) in ear.hints)


async def test_letters_that_are_dropped_are_told_of_once_until_one_went_out(
    buses: list[PostgresBus], postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """
    001-29, 001-44: for each time that the database goes away.
    """
    one, two = buses
    ear = Ear(two)
    for times in (1, 2):
        await anyio.to_thread.run_sync(postgres_server.stop, "immediate")
        for n in range(5):
            one.send(Letter(node=None, topic=f"lost {n}"))
            while one.waiting:  # noqa: ASYNC110 - it is asked from outside
                await anyio.sleep(0.01)
        assert caplog.text.count("letters to other nodes are dropped") == times
        await anyio.to_thread.run_sync(postgres_server.start)
        letter = Letter(node=None, topic=f"kept {times}")
        while letter not in ear.letters:
            one.send(letter)
            await anyio.sleep(0.05)
