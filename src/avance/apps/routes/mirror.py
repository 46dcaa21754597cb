"""
The frames of the contract on a plain channel of Redis for each job, `job_progress:<id>` (001-25, 001-30), for programs that listen
there. A job tells its own state beside it, so a Redis that is away breaks nothing.
"""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from avance import Avance, AvanceError, State
from avance.apps.routes.frames import STATUS_WORDS, Completed, Progress, cut_time, status_frame
from avance.apps.routes.jobs import OPTIMIZE, read_stored
from avance.apps.routes.telling import attempt_message, failure_frame, progress_frame
from avance.dialect import Event

CHANNEL = "job_progress:{job_id}"
ENDS_WAITING_MAX = 1_000
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("avance.routes")

End = tuple[str, str]
"""A job that is completed, and when."""


@asynccontextmanager
async def told(host: Avance) -> AsyncGenerator[None, None]:
    """
    Say there what happens to optimizations, if Redis is the bus.
    """
    add, ends = anyio.create_memory_object_stream[End](ENDS_WAITING_MAX)
    host.mirror_events([OPTIMIZE], CHANNEL, Words(add).frames)
    async with anyio.create_task_group() as group, add, ends:
        group.start_soon(_tell_ends, host, ends)
        yield
        group.cancel_scope.cancel()


class Words:
    """
    Events as frames. A schedule is not part of its event, so the last frame is left to whoever can wait for it.
    """

    def __init__(self, ends: MemoryObjectSendStream[End]) -> None:
        self._ends = ends
        self._last: dict[str, Progress] = {}

    def frames(self, job: Any, event: Event) -> Iterable[bytes]:
        """
        What is said of one event at once.
        """
        at = cut_time(event["ts"])
        match event["type"]:
            case "progress":
                frame = progress_frame(job.id, event["progress"], at, event["attempt"])
                if frame is not None and self._is_news(frame):
                    return (_encode(frame),)
            case "state":
                if State(event["to"]).is_terminal:
                    self._last.pop(job.id, None)
                if event["to"] != "completed":
                    return (_state_frame(job, event, at),)
                self._ends.send_nowait((job.id, at))
        return ()

    def _is_news(self, frame: Progress) -> bool:
        """
        A phase that begins where the one before ended, and then says so, would be told twice.
        """
        before = self._last.get(frame.job_id)
        if len(self._last) >= ENDS_WAITING_MAX:
            self._last.clear()
        self._last[frame.job_id] = frame
        return before is None or _shown(before) != _shown(frame)


async def _tell_ends(host: Avance, ends: MemoryObjectReceiveStream[End]) -> None:
    async for job_id, at in ends:
        try:
            stored = read_stored(await host.jobs.result(job_id))
        except AvanceError as error:
            # Deleted meanwhile, or the store is away: its own state tells the end to whoever asks.
            _log.warning("the end of job %s is not mirrored: %s", job_id, error)
            continue
        frame = Completed(job_id=job_id, result=stored.result, stats=stored.stats, timestamp=at)
        host.mirror(CHANNEL.format(job_id=job_id), _encode(frame))


def _shown(frame: Progress) -> tuple[object, ...]:
    return frame.phase, frame.progress, frame.message, frame.best_buses


def _state_frame(job: Any, event: Event, at: str) -> bytes:
    state, attempt = event["to"], event["attempt"]
    if state in ("failed", "expired"):
        error = {} if job.error is None else msgspec.to_builtins(job.error)
        return failure_frame(job.id, state, error, at)
    # A failed attempt is not a failed job.
    word = "running" if attempt > 1 and state != "cancelled" else STATUS_WORDS[state]
    return status_frame(job.id, word, at, message=attempt_message(word, attempt))
