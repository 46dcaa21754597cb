"""
What `@app.task` makes of a function: a task that can be submitted.
"""

from collections.abc import Callable
from typing import Any, Protocol

from msgspec.structs import replace

from avance.app.handle import JobHandle
from avance.jobs.context import Job as JobContext
from avance.jobs.service import DEFAULT_OPTIONS, SubmitOptions
from avance.jobs.task import P, R, Task, TaskOptions
from avance.notify.on_finish import OnFinish


class Submits(Protocol):
    """
    The app, as far as a task needs it.
    """

    async def submit(
        self,
        task: "SubmittableTask[..., Any]",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: SubmitOptions,
    ) -> JobHandle: ...


class SubmittableTask(Task[P, R]):
    """
    A task of an app. `await task.submit(...)` makes a job; `task.using(owner=...)` gives the options, apart from the arguments.
    """

    def __init__(
        self, app: Submits, name: str, function: Callable[P, R], options: TaskOptions
    ) -> None:
        super().__init__(name, function, options, JobContext)
        self._app = app
        self.notify: OnFinish | None = None

    async def submit(self, *args: Any, **kwargs: Any) -> JobHandle:
        """
        Check the arguments, store the job, and answer once it is on the disk.
        """
        return await self._app.submit(self, args, kwargs, DEFAULT_OPTIONS)

    def using(self, **options: Any) -> "Using":
        """
        Set `owner`, `tenant`, `title`, `tags`, `meta`, `priority`, `delay_s`, `run_at_ms`, `unique`, `expires_s`, `parent_id`,
        `weight` or `tx` for one submit.
        """
        return Using(self._app, self, replace(DEFAULT_OPTIONS, **options))


class Using:
    """
    A task with options for one submit.
    """

    def __init__(
        self, app: Submits, task: SubmittableTask[..., Any], options: SubmitOptions
    ) -> None:
        self._app = app
        self._task = task
        self._options = options

    async def submit(self, *args: Any, **kwargs: Any) -> JobHandle:
        """
        As `task.submit`, with these options.
        """
        return await self._app.submit(self._task, args, kwargs, self._options)
