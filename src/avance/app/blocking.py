"""
A small synchronous side, for scripts, Django and Celery code.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from avance.app.core import Avance
from avance.errors import ConfigError
from avance.jobs.service import DEFAULT_OPTIONS, SubmitOptions
from avance.jobs.task import AnyTask
from avance.model.job import Job

T = TypeVar("T")


class Blocking:
    """
    `with Blocking(app) as avance: avance.submit(task, …)`. It submits and follows; a server or worker on the same store does the work.
    """

    def __init__(self, app: Avance, *, executes: bool = False) -> None:
        self._app = app
        self._executes = executes
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        _refuse_in_a_loop()
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(
                self._portal.wrap_async_context_manager(self._app.open(executes=self._executes))
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._portal = None
        self._stack.close()

    def submit(self, task: AnyTask | str, *args: Any, **kwargs: Any) -> Job:
        """
        As `await task.submit(...)`.
        """
        return self.submit_with(DEFAULT_OPTIONS, task, *args, **kwargs)

    def submit_with(
        self, options: SubmitOptions, task: AnyTask | str, *args: Any, **kwargs: Any
    ) -> Job:
        """
        As `await task.using(...).submit(...)`.
        """
        return self._call(self._app.jobs.submit, task, args, kwargs, options)

    def get(self, job_id: str) -> Job:
        """
        As `await app.jobs.get(...)`.
        """
        return self._call(self._app.jobs.get, job_id)

    def cancel(self, job_id: str) -> Job:
        """
        As `await app.jobs.cancel(...)`.
        """
        return self._call(self._app.jobs.cancel, job_id)

    def result(self, job_id: str, *, timeout_s: float | None = None) -> Any:
        """
        Wait for the end and decode the result, as `await handle.result(...)`.
        """

        async def wait() -> Any:
            return await self._app.handle(await self._app.jobs.get(job_id)).result(
                timeout_s=timeout_s
            )

        return self._call(wait)

    def _call(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        if self._portal is None:
            raise ConfigError("this is not open; use it as `with Blocking(app) as avance:`")
        _refuse_in_a_loop()
        return self._portal.call(function, *args)


def _refuse_in_a_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ConfigError(
        "Blocking would block the event loop that runs here; call the async side: `await task.submit(...)`, `await app.jobs.get(...)`"
    )
