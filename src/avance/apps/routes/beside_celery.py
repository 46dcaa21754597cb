"""
Optimizations on the workers of a Celery app, which is handed in: nothing of Celery is imported here. Where the app is made:

    attach(celery, "redis://…")       # avance.integrations.celery
    declare(celery)                   # this
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from avance import Job, current
from avance.apps.routes.jobs import OPTIMIZE
from avance.apps.routes.phases import WEIGHTS, starts_at
from avance.apps.routes.tasks import BACKOFF_S, optimize_now
from avance.errors import TooLarge, Unavailable


def declare(celery: Any) -> Any:
    """
    Declare the task `routes.optimize` on an attached Celery app.
    """

    @celery.task(bind=True, name=OPTIMIZE, max_retries=len(BACKOFF_S))  # type: ignore[untyped-decorator]
    def optimize(task: Any, request: str) -> Any:
        job = current()

        def with_order(answer: Any) -> dict[str, Any]:
            # The arguments of a Celery task are not kept with its job, and a what-if needs them.
            return {**msgspec.to_builtins(answer), "order": request}

        try:
            answer = optimize_now(
                request, PercentSink(job), lambda answer: job.save(with_order(answer))
            )
        except Unavailable as error:
            wait_s = BACKOFF_S[min(task.request.retries, len(BACKOFF_S) - 1)]
            raise task.retry(exc=error, countdown=wait_s) from error
        return with_order(answer)

    return optimize


class PercentSink:
    """
    Phases with the percent of the whole: a job of Celery is known without the weights of its phases.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def enter(self, phase: str, message: str, /) -> None:
        with self._job.phase(phase, message):
            pass
        self._job.progress(starts_at(phase), message=message)

    def leave(self, phase: str, /) -> None:
        pass

    def show(
        self, phase: str, share: float, message: str | None, data: Mapping[str, object], /
    ) -> None:
        more: dict[str, Any] = dict(data)
        self._job.progress(starts_at(phase) + WEIGHTS[phase] * share, message=message, **more)

    def plan(self, told: Mapping[str, object], /) -> None:
        """
        As with workers of avance.
        """
        with suppress(TooLarge):
            self._job.emit("plan", told)
