"""
Where tasks run. An executor starts attempts, tells their reports to a sink, and frees their place; it decides nothing about a job.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, Self

import msgspec

from avance.model.report import AnyReport


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """
    One attempt.
    """

    job_id: str
    attempt: int
    task: str
    input: bytes
    """The arguments as encoded by the submit: JSON of `{"args": […], "kwargs": {…}}`."""
    runner: str
    owner: str | None = None
    meta: dict[str, object] = {}
    tags: tuple[str, ...] = ()
    timeout_s: float | None = None
    grace_s: float = 5.0


class ReportSink(Protocol):
    """
    Takes reports in the order in which an attempt made them. Never blocks; keeps the order within a job.
    """

    def __call__(self, report: AnyReport, /) -> None: ...


Ask = Callable[[str, int, str, bytes], Awaitable[bytes]]
"""A question from inside a running task: job id, attempt, what (`submit`, `children`, …), and its encoded body; the encoded answer."""


class Executor(ABC):
    """
    An async context manager; leaving it stops what runs (each as `Lost(is_counted=False)`).
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @abstractmethod
    def attach(self, sink: ReportSink, ask: Ask, on_free: Callable[[], None]) -> None:
        """
        Say where reports and questions go, and whom to tell when a place becomes free. Called once, before the executor is opened.
        """

    @abstractmethod
    def free(self) -> Mapping[str, int]:
        """
        How many more attempts each runner takes now.
        """

    @abstractmethod
    def start(self, run: Run) -> None:
        """
        Begin an attempt. Exactly one of `Done`, `Failed`, `Lost` follows on the sink, whatever happens to the process, unless the
        attempt is stopped first.
        """

    @abstractmethod
    def stop(self, job_id: str, attempt: int, *, grace_s: float) -> None:
        """
        The ladder for an attempt that no longer counts: ask it to stop (cooperative, then SIGTERM), kill it after the grace, free
        its place. What it still reports is refused above. Unknown attempts are ignored; repeating shortens nothing.
        """

    @abstractmethod
    async def drain(self, timeout_s: float) -> None:
        """
        Take nothing more; return when all is done or the time is over.
        """


class Attempt(Protocol):
    """
    What a running task sees of the place where it runs. All of it may be called from any thread of the task.
    """

    run: Run

    @property
    def is_cancelled(self) -> bool:
        """
        True once the attempt was asked to stop.
        """

    def report(self, report: AnyReport, /) -> None:
        """
        Send a report; never blocks for long, keeps the order.
        """

    def ask(self, what: str, body: bytes, /) -> bytes:
        """
        Ask the serving side and wait for the answer (from a process or a thread).
        """

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        """
        The same from a task in the event loop.
        """


class Perform(Protocol):
    """
    Runs the body of a task: in a child process or a thread (`perform`), or in the event loop (`perform_async`). Reports `Done` or
    `Failed` itself as the last thing, and lets `Cancelled` end quietly; it never raises.
    """

    def perform(self, attempt: Attempt, /) -> None: ...

    async def perform_async(self, attempt: Attempt, /) -> None: ...
