"""
The tasks. A worker process imports this and no web framework; numpy and the rest come with the first job.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from avance import Job, Retry, Throttle
from avance.apps.routes.declare import app
from avance.apps.routes.jobs import OPTIMIZE, WEEK
from avance.apps.routes.phases import WEIGHTS
from avance.errors import InvalidRequest, TaskFailed, TooLarge

BACKOFF_S = (60, 120, 240)
ALL = Throttle(hz=1000, keep_first=1_000_000)
"""The pace of the contract (5 points or 1 s) is kept by `Pace`, which also knows which frames must not be left out."""


@app.task(
    name=OPTIMIZE,
    phases=WEIGHTS,
    retry=Retry(
        max_attempts=1 + len(BACKOFF_S),
        backoff_s=BACKOFF_S,
        dont_retry_on=(InvalidRequest, TaskFailed),
    ),
    progress=ALL,
)
def optimize(request: str, job: Job) -> Any:
    """
    Pack school services into as few buses as possible.
    """
    return optimize_now(request, JobSink(job), job.save)


@app.task(name=WEEK, retry=Retry(max_attempts=1, backoff_s=()))
def week(days: dict[str, str], job: Job) -> Any:
    """
    Optimize several days of the week, each as a job of its own below this one.
    """
    started = {day: job.spawn(optimize, request) for day, request in days.items()}
    return {"result": {"days": started}, "stats": {"days": len(started)}}


def optimize_now(request: str, sink: Any, save: Callable[[Any], None]) -> Any:
    """
    The work itself, in whatever process this is; on the way it is told to the sink, and each better answer is saved.
    """
    # The first job pays for the imports, not the worker's start.
    from avance.apps.routes.engine import Engine, GuardedSink  # noqa: PLC0415
    from avance.apps.routes.request import unpack  # noqa: PLC0415
    from avance.apps.routes.solve import SOLVER  # noqa: PLC0415

    engine = Engine(unpack(request), SOLVER, GuardedSink(sink), save, time.monotonic)
    try:
        return engine.run()
    except BaseException:
        # Cancelled or failed in the middle: whatever the solver computes now is for nobody.
        SOLVER.end()
        raise


class JobSink:
    """
    Phases and progress as reports of a job.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._open: Any = None

    def enter(self, phase: str, message: str, /) -> None:
        self._open = self._job.phase(phase, message)
        self._open.__enter__()

    def leave(self, phase: str, /) -> None:
        self._open.__exit__(None, None, None)

    def show(
        self, phase: str, share: float, message: str | None, data: Mapping[str, object], /
    ) -> None:
        # What is said beside the numbers goes as additive keys, which mypy cannot tell from the named ones.
        more: dict[str, Any] = dict(data)
        self._job.progress(current=round(100 * share, 4), total=100, message=message, **more)

    def plan(self, told: Mapping[str, object], /) -> None:
        """
        The plan itself for whoever draws it, as far as it fits into an event.
        """
        with suppress(TooLarge):
            self._job.emit("plan", told)
