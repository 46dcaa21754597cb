"""
What a program holds that uses a server of avance: `AsyncClient`, and `Client` for code that is not async.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing
from typing import Any, Self, TextIO, TypeVar

import msgspec
from anyio.from_thread import BlockingPortal, start_blocking_portal

from avance.errors import ConfigError, TaskFailed
from avance.integrations.client.api import Api, job_path
from avance.integrations.client.follow import Change, Follower
from avance.integrations.client.inbox import AsyncInbox, NoticePage
from avance.integrations.client.limits import CLIENT_LIMITS, ClientLimits
from avance.integrations.client.reduce import ClientJob
from avance.integrations.client.screen import Screen
from avance.model.inbox import Counts, Notice
from avance.model.job import State

T = TypeVar("T")
JobRef = str | ClientJob


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """
    Some jobs, the newest first; `cursor` leads to the next page.
    """

    jobs: tuple[ClientJob, ...]
    cursor: str | None = None


class AsyncClient:
    """
    `async with AsyncClient(url, token=…) as client:`. What a server answers as an error is raised as the same class that it has there.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8030",
        *,
        token: str | None = None,
        key: str | None = None,
        limits: ClientLimits = CLIENT_LIMITS,
    ) -> None:
        """
        Args:
            token: A JWT.
            key: An API key; of the two the token wins.
        """
        self._api = Api(url, token=token, key=key, limits=limits)
        self.inbox: AsyncInbox = AsyncInbox(self._api)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """
        Let go of the connections.
        """
        await self._api.aclose()

    async def submit(self, task: str, /, *args: Any, **params: Any) -> ClientJob:
        """
        Make a job of a task by its name; the arguments are given by position or by name.
        """
        return await self.submit_with({}, task, *args, **params)

    async def submit_with(
        self, options: dict[str, Any], task: str, /, *args: Any, **params: Any
    ) -> ClientJob:
        """
        The same with options of the submit, such as `{"title": …, "delay_s": 60, "unique": …}`.
        """
        if args and params:
            raise ConfigError("give the arguments by position or by name, not both", task=task)
        body = {**options, "task": task, "params": list(args) if args else params}
        return _job(await self._api.call("POST", "/v1/jobs", body=body))

    async def get(self, job: JobRef) -> ClientJob:
        """
        Read a job as it is.
        """
        return _job(await self._api.call("GET", job_path(_id(job))))

    async def jobs(self, **wanted: Any) -> JobPage:
        """
        List jobs: `state`, `kind`, `tag`, `text`, `parent`, `limit`, `cursor`, …
        """
        return msgspec.json.decode(
            await self._api.call("GET", "/v1/jobs", query=wanted), type=JobPage
        )

    async def watch(self, job: JobRef) -> AsyncGenerator[Change]:
        """
        Every event of a job once and in order, the snapshot first, until it has ended; over lost connections and restarts.
        """
        async with aclosing(Follower(self._api, _id(job)).changes()) as changes:
            async for change in changes:
                yield change

    async def wait(self, job: JobRef, *, timeout_s: float | None = None) -> ClientJob:
        """
        Wait for the end.

        Raises:
            TimeoutError: It did not come in time; the job goes on.
        """
        async with asyncio.timeout(timeout_s), aclosing(self.watch(job)) as changes:
            async for change in changes:
                if change.job.state.is_terminal:
                    break
        return await self.get(job)

    async def result(self, job: JobRef, *, timeout_s: float | None = None) -> Any:
        """
        Wait for the end and decode the result.

        Raises:
            TaskFailed: The job failed, was cancelled or expired; the param `job` is the whole of it.
        """
        ended = await self.wait(job, timeout_s=timeout_s)
        if ended.state is not State.COMPLETED:
            error = ended.error
            raise TaskFailed(
                f"job {ended.id} ({ended.kind}) is {ended.state}: {'no reason is known' if error is None else error.message}",
                code=None if error is None else error.code,
                job=ended,
            )
        return msgspec.json.decode(await self._api.call("GET", f"{job_path(ended.id)}/result"))

    async def cancel(self, job: JobRef) -> ClientJob:
        """
        Cancel a job; it is cancelled when this returns.
        """
        return _job(await self._api.call("POST", f"{job_path(_id(job))}/cancel"))

    async def retry(self, job: JobRef) -> ClientJob:
        """
        Submit the same work again, as a new job.
        """
        return _job(await self._api.call("POST", f"{job_path(_id(job))}/retry"))

    async def show(self, job: JobRef, *, stream: TextIO | None = None) -> ClientJob:
        """
        Draw a bar on the terminal until the job has ended.
        """
        screen = Screen(stream)
        async with aclosing(self.watch(job)) as changes:
            async for change in changes:
                screen.show(change)
        return await self.get(job)


class Client:
    """
    `with Client(url) as client:`, the same for code that is not async.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8030",
        *,
        token: str | None = None,
        key: str | None = None,
        limits: ClientLimits = CLIENT_LIMITS,
    ) -> None:
        self._make = lambda: AsyncClient(url, token=token, key=key, limits=limits)
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._client: AsyncClient | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            self._client = self._portal.call(self._make)
            stack.enter_context(self._portal.wrap_async_context_manager(self._client))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._portal = None
        self._stack.close()

    def submit(self, task: str, /, *args: Any, **params: Any) -> ClientJob:
        """
        Make a job of a task by its name; the arguments are given by position or by name.
        """
        return self.submit_with({}, task, *args, **params)

    def submit_with(
        self, options: dict[str, Any], task: str, /, *args: Any, **params: Any
    ) -> ClientJob:
        """
        The same with options of the submit, such as `{"title": …, "delay_s": 60, "unique": …}`.
        """
        return self._call(lambda client: client.submit_with(options, task, *args, **params))

    def get(self, job: JobRef) -> ClientJob:
        """
        Read a job as it is.
        """
        return self._call(lambda client: client.get(job))

    def jobs(self, **wanted: Any) -> JobPage:
        """
        List jobs: `state`, `kind`, `tag`, `text`, `parent`, `limit`, `cursor`, …
        """
        return self._call(lambda client: client.jobs(**wanted))

    def watch(self, job: JobRef) -> Iterator[Change]:
        """
        Every event of a job once and in order, the snapshot first, until it has ended; over lost connections and restarts.
        """
        changes = self._opened()[1].watch(job)
        try:
            while True:
                change = self._call(lambda _: anext(changes, None))
                if change is None:
                    return
                yield change
        finally:
            # A loop that was left early may be thrown away only after the client was closed.
            if self._portal is not None:
                self._call(lambda _: changes.aclose())

    def wait(self, job: JobRef, *, timeout_s: float | None = None) -> ClientJob:
        """
        Wait for the end.

        Raises:
            TimeoutError: It did not come in time; the job goes on.
        """
        return self._call(lambda client: client.wait(job, timeout_s=timeout_s))

    def result(self, job: JobRef, *, timeout_s: float | None = None) -> Any:
        """
        Wait for the end and decode the result.

        Raises:
            TaskFailed: The job failed, was cancelled or expired; the param `job` is the whole of it.
        """
        return self._call(lambda client: client.result(job, timeout_s=timeout_s))

    def cancel(self, job: JobRef) -> ClientJob:
        """
        Cancel a job; it is cancelled when this returns.
        """
        return self._call(lambda client: client.cancel(job))

    def retry(self, job: JobRef) -> ClientJob:
        """
        Submit the same work again, as a new job.
        """
        return self._call(lambda client: client.retry(job))

    def show(self, job: JobRef, *, stream: TextIO | None = None) -> ClientJob:
        """
        Draw a bar on the terminal until the job has ended.
        """
        return self._call(lambda client: client.show(job, stream=stream))

    def inbox(self, **wanted: Any) -> NoticePage:
        """
        Read a page of notifications: `status`, `kind`, `priority`, `group`, `before`, `limit`.
        """
        return self._call(lambda client: client.inbox.list(**wanted))

    def change_inbox(
        self, operation: str, *ids: int, up_to: int | None = None, **more: Any
    ) -> Counts:
        """
        `seen`, `read`, `unread`, `archive`, `unarchive`, `snooze` (with `until`), `wake` or `delete` some, or all up to one.
        """
        return self._call(lambda client: client.inbox.change(operation, *ids, up_to=up_to, **more))

    def notify(self, user: str, title: str, **more: Any) -> Notice | None:
        """
        Notify a user; None where that user keeps nothing of this kind.
        """
        return self._call(lambda client: client.inbox.send(user, title, **more))

    def _opened(self) -> tuple[BlockingPortal, AsyncClient]:
        if self._portal is None or self._client is None:
            raise ConfigError("this is not open; use it as `with Client(url) as client:`")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._portal, self._client
        raise ConfigError(
            "Client would block the event loop that runs here; use `async with AsyncClient(url) as client:`"
        )

    def _call(self, work: Callable[[AsyncClient], Awaitable[T]]) -> T:
        portal, client = self._opened()

        async def call() -> T:
            return await work(client)

        return portal.call(call)


def _id(job: JobRef) -> str:
    return job if isinstance(job, str) else job.id


def _job(body: bytes) -> ClientJob:
    return msgspec.json.decode(body, type=ClientJob)
