"""
`job:`, `jobs:` and `inbox:` as the stock client sees them.
"""

import uuid
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from raw import raw
from serving import Options, Served, serve, token
from stock import js_client

from avance.model.event import Progressed, encode
from avance.model.job import Job, Progress, State
from avance.model.machine import Cause, Step, created, move
from avance.model.moment import wire_time
from avance.model.stream import Append, job_channel
from avance.ports.store import Commit, JobWrite


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve(Options(is_native=True)) as running:
        yield running


class Work:
    """
    One job, moved along by the test as the reporter would.
    """

    def __init__(self, served: Served, owner: str) -> None:
        self._served = served
        self.job = Job(
            id=str(uuid.uuid4()),
            kind="sample",
            state=State.QUEUED,
            owner=owner,
            created_ms=served.clock.now_ms(),
        )

    @property
    def channel(self) -> str:
        return job_channel(self.job.id)

    async def submit(self) -> None:
        await self._commit(created(self.job, self.job.created_ms), expects=None)

    async def move(self, cause: Cause) -> None:
        before = self.job.seq
        await self._commit(move(self.job, cause, self._served.clock.now_ms()), expects=before)

    async def progress(self, percent: float) -> None:
        before = self.job.seq
        progress = Progress(percent=percent, phase=None)
        event = Progressed(
            job_id=self.job.id,
            attempt=self.job.attempt,
            ts=wire_time(self._served.clock.now_ms()),
            progress=progress,
        )
        append = Append(channel=self.channel, body=encode(event), conflate="progress")
        job = replace(self.job, progress=progress, seq=before + 1)
        await self._commit(Step(job=job, appends=(append,)), expects=before)

    async def _commit(self, step: Step, *, expects: int | None) -> None:
        self.job = step.job
        commit = Commit(
            writes=(
                JobWrite(job=step.job, expects=expects, input=b"{}" if expects is None else None),
            ),
            appends=step.appends,
        )
        self._served.bus.publish(await self._served.store.commit(commit))


async def test_a_first_subscribe_is_the_snapshot_and_then_every_event(served: Served) -> None:
    work = Work(served, owner="42")
    await work.submit()
    await work.move(Cause.CLAIM)
    await work.progress(10)
    async with js_client(served.http_url, token=token("42")) as client:
        await client.call("connect")
        await client.call("subscribe", channel=work.channel)
        subscribed = await client.next("sub_subscribed")
        assert not subscribed["recovered"]
        snapshot = await client.next("publication")
        assert snapshot["offset"] == work.job.seq
        assert (snapshot["data"]["type"], snapshot["data"]["seq"]) == ("snapshot", work.job.seq)
        assert snapshot["data"]["job"]["progress"]["percent"] == 10
        await work.progress(50)
        await work.move(Cause.DONE)
        seen = await client.publications(2)
        assert [one["data"]["type"] for one in seen] == ["progress", "state"]
        assert [one["data"]["seq"] for one in seen] == [one["offset"] for one in seen]
        assert seen[1]["data"]["to"] == "completed"


async def test_on_a_subscription_with_patches_the_snapshot_is_no_base(served: Served) -> None:
    work = Work(served, owner="42")
    await work.submit()
    await work.move(Cause.CLAIM)
    async with js_client(served.http_url, token=token("42")) as client:
        await client.call("connect")
        await client.call("subscribe", channel=work.channel, options={"delta": "fossil"})
        assert (await client.next("publication"))["data"]["type"] == "snapshot"
        for percent in (10, 20, 30):
            await work.progress(percent)
        seen = await client.publications(3)
        assert [one["data"]["progress"]["percent"] for one in seen] == [10, 20, 30]


async def test_a_list_of_jobs_begins_with_the_newest_and_follows(served: Served) -> None:
    first = Work(served, owner="42")
    await first.submit()
    async with js_client(served.http_url, token=token("42")) as client:
        await client.call("connect")
        await client.call("subscribe", channel="jobs:#42")
        snapshot = (await client.next("publication"))["data"]
        assert snapshot["type"] == "snapshot"
        assert [job["id"] for job in snapshot["jobs"]] == [first.job.id]
        second = Work(served, owner="42")
        await second.submit()
        told = (await client.next("publication"))["data"]
        assert (told["type"], told["job"]["id"]) == ("job", second.job.id)


@pytest.mark.parametrize("user", ["43", "0"])
async def test_what_is_unknown_and_what_is_foreign_are_refused_alike(
    served: Served, user: str
) -> None:
    work = Work(served, owner="42")
    await work.submit()
    async with raw(served.websocket_url) as client:
        await client.ask(connect={"token": token(user)})
        answers = [
            (await client.ask(subscribe={"channel": channel}))["error"]
            for channel in (
                work.channel,
                job_channel(str(uuid.uuid4())),
                "job:",
                "jobs:#42",
                "inbox:#42",
                "jobs:all",
            )
        ]
        assert answers == [{"code": 103, "message": "permission denied"}] * 6


async def test_an_admin_may_see_everything(served: Served) -> None:
    work = Work(served, owner="42")
    await work.submit()
    async with raw(served.websocket_url) as client:
        await client.ask(connect={"token": token("root", role="admin")})
        for channel in (work.channel, "jobs:#42", "inbox:#42"):
            assert "subscribe" in await client.ask(subscribe={"channel": channel})


async def test_the_token_of_a_job_opens_this_job_and_nothing_else(served: Served) -> None:
    work, other = Work(served, owner="42"), Work(served, owner="42")
    await work.submit()
    await other.submit()
    scoped = token("42", channel=work.channel)
    async with raw(served.websocket_url) as client:
        await client.ask(connect={"token": scoped})
        assert "subscribe" in await client.ask(subscribe={"channel": work.channel})
        for channel in (other.channel, "jobs:#42", "inbox:#42", "news"):
            answer = await client.ask(subscribe={"channel": channel})
            assert answer["error"]["code"] == 103
        answer = await client.ask(publish={"channel": "news", "data": 1})
        assert answer["error"]["code"] == 103


async def test_a_subscription_token_opens_its_channel_for_its_user(served: Served) -> None:
    work = Work(served, owner="42")
    await work.submit()
    async with raw(served.websocket_url) as client:
        await client.ask(connect={"token": token("43")})
        granted = token("43", channel=work.channel)
        answer = await client.ask(subscribe={"channel": work.channel, "token": granted})
        assert answer["subscribe"]["publications"][0]["data"]["type"] == "snapshot"


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"sub": "44"}, id="another user"),
        pytest.param({"channel": "job:other"}, id="another channel"),
        pytest.param({"client": "other"}, id="another client"),
    ],
)
async def test_a_subscription_token_of_somebody_else_ends_the_connection(
    served: Served, claims: dict[str, str]
) -> None:
    async with raw(served.websocket_url) as client:
        await client.ask(connect={"token": token("43")})
        given = token(**{"user": "43", "channel": "job:1", **claims})
        await client.send({"id": 2, "subscribe": {"channel": "job:1", "token": given}})
        assert (await client.closed())[0] == 3500
