"""
Declaring tasks: what `Avance` and an `App` have in common.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, overload

from avance.app.children import check_place
from avance.app.handle import JobHandle
from avance.app.task import SubmittableTask
from avance.errors import ConfigError
from avance.jobs.service import SubmitOptions
from avance.jobs.task import (
    AnyTask,
    Key,
    Limit,
    Retry,
    Runner,
    TaskOptions,
    Throttle,
    declare_phases,
    task_name,
)
from avance.notify.on_finish import OnFinish

P = ParamSpec("P")
R = TypeVar("R")


class Declares(ABC):
    """
    Holds tasks by name.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, AnyTask] = {}

    @overload
    def task(self, function: Callable[P, R], /) -> SubmittableTask[P, R]: ...

    @overload
    def task(
        self,
        *,
        name: str | None = None,
        runner: Runner | str | None = None,
        phases: Mapping[str, float] | Sequence[str] | None = None,
        retry: Retry | None = None,
        timeout_s: float | None = None,
        grace_s: float = 5.0,
        expires_s: float | None = None,
        unique: Key | None = None,
        concurrency: Limit | None = None,
        progress: Throttle = ...,
        priority: int = 0,
        title: Key | None = None,
        expose: bool = False,
        notify: OnFinish | None = None,
    ) -> Callable[[Callable[P, R]], SubmittableTask[P, R]]: ...

    def task(self, *function: Any, **options: Any) -> Any:
        """
        Declare a task.

        Args:
            name: By default `module.function`.
            runner: `"process"` for `def` (default), `"thread"`; `async def` runs in the event loop.
            phases: Names with weights, such as `{"parsing": 30, "indexing": 70}`, or names that weigh the same.
            retry: `Retry(max_attempts=4, backoff_s=(60, 120, 240))` is one try and three retries.
            timeout_s: For one attempt.
            grace_s: Between asking a cancelled task to stop and killing its process.
            expires_s: From submit to the end, waiting included.
            unique: A parameter or function of the arguments; while a job with this key is active, a submit answers that job.
            concurrency: `Limit(key="user_id", max=2)`.
            progress: How much ordinary progress is written.
            priority: Higher runs first.
            title: A parameter or function of the arguments, shown as the job's subject.
            expose: In token mode, let users submit it over HTTP by name.
            notify: `on_finish("…")` tells the owner of a job that ended while nobody watched it.

        Raises:
            ConfigError: The name is taken, or the runner does not fit the function.
        """
        if function:
            return self._declare(function[0], options)
        return lambda decorated: self._declare(decorated, options)

    @abstractmethod
    async def submit(
        self,
        task: AnyTask | str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: SubmitOptions,
    ) -> JobHandle:
        """
        What `task.submit` calls.
        """

    def _declare(
        self, function: Callable[..., Any], given: dict[str, Any]
    ) -> SubmittableTask[..., Any]:
        name = given.pop("name", None) or task_name(function)
        notify = given.pop("notify", None)
        if name in self.tasks:
            raise ConfigError(
                f"there are two tasks named {name!r}; give one of them another name", task=name
            )
        task = SubmittableTask(self, name, function, _options(name, function, given))
        task.notify = notify
        if task.options.runner is Runner.PROCESS:
            check_place(name, function)
        self.tasks[name] = task
        return task


def _options(name: str, function: Callable[..., Any], given: Mapping[str, Any]) -> TaskOptions:
    is_async = inspect.iscoroutinefunction(function)
    runner = Runner(given.get("runner") or (Runner.ASYNC if is_async else Runner.PROCESS))
    if is_async and runner is not Runner.ASYNC:
        raise ConfigError(
            f"task {name} is async def and runs in the event loop; runner={runner.value!r} needs a plain def",
            task=name,
        )
    if not is_async and runner is Runner.ASYNC:
        raise ConfigError(
            f'task {name} is a plain def and would block the event loop; use runner="thread" or "process"',
            task=name,
        )
    return TaskOptions(**{**given, "runner": runner, "phases": declare_phases(given.get("phases"))})
