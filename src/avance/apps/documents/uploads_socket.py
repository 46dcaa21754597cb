"""
`/ws/{upload_id}` of docs/contract/uploads.md.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from avance import Avance, State
from avance.apps.documents.frames import Pong, UploadProgress
from avance.apps.documents.ingest_socket import is_ping
from avance.apps.documents.words import PERCENT_AT, STAGES, failure, with_offset
from avance.dialect import (
    CLOSE_END,
    CLOSE_IDLE,
    Close,
    Dialect,
    Effect,
    Event,
    JobDialect,
    Send,
    Visit,
    Wake,
    speaks,
)

AFTER_END_MS = 300_000
"""The socket of an upload that has ended is served so long; the row stays."""
IDLE_S = 300.0
"""A peer that says nothing for so long is dropped, where no ping of ours asks it sooner."""
IDLE = "idle"
TASK = "documents.ingest"
_encode = msgspec.json.Encoder().encode


class Course:
    """
    Turns the events of a job into the frames of an upload, one after the other.
    """

    def __init__(self, upload_id: str) -> None:
        self._upload_id = upload_id
        self._stage = "received"
        self._percent = 0.0
        self._current = 0
        self._total = 0
        self._result: Mapping[str, Any] = {}
        self._error: Mapping[str, Any] = {}
        self._said: UploadProgress | None = None

    def tell(self, event: Event) -> Iterable[UploadProgress]:
        """
        The frames of one event.
        """
        match event["type"]:
            case "state":
                yield from self._state(event)
            case "phase" if event["state"] == "running":
                yield from self._enter(event, event["id"])
            case "progress":
                yield from self._progress(event)
            case "result":
                self._result = event.get("result") or {}
            case "error":
                self._error = event["error"]

    def _state(self, event: Event) -> Iterable[UploadProgress]:
        state = State(event["to"])
        if state is State.COMPLETED:
            self._stage, self._percent = "completed", 100.0
            metrics = self._result.get("metrics")
            yield from self._say(event, "Upload completed", metrics=metrics)
        elif state.is_terminal:
            self._stage = "failed"
            why = failure(state, self._error)
            yield from self._say(event, f"Upload failed: {why}", error=why)
        elif event["attempt"] > 1:
            yield from self._say(event, f"Attempt {event['attempt']} begins")
        elif self._stage == "received" and state is not State.RUNNING:
            yield from self._say(event, "Upload received")

    def _enter(self, event: Event, stage: str) -> Iterable[UploadProgress]:
        # A new attempt goes through stages that were shown; the bar waits until it passes them.
        if stage not in STAGES or STAGES.index(stage) <= STAGES.index(self._stage):
            return
        self._stage, self._current = stage, 0
        self._percent = max(self._percent, PERCENT_AT[stage])
        yield from self._say(event, f"{stage.capitalize()}...")

    def _progress(self, event: Event) -> Iterable[UploadProgress]:
        progress = event["progress"]
        stage = progress.get("phase")
        percent = progress.get("percent")
        if stage != self._stage or percent is None or percent < self._percent:
            return
        self._percent = float(percent)
        if stage != "extracting":
            self._current = int(progress.get("current") or 0)
            self._total = int(progress.get("total") or 0)
        yield from self._say(event, progress.get("message") or f"{stage.capitalize()}...")

    def _say(
        self,
        event: Event,
        message: str,
        *,
        metrics: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> Iterable[UploadProgress]:
        told = UploadProgress(
            upload_id=self._upload_id,
            status=self._stage,
            progress_percent=round(self._percent, 2),
            current_chunk=self._current,
            total_chunks=self._total,
            message=message,
            timestamp=with_offset(event["ts"]),
            metrics=None if metrics is None else dict(metrics),
            error=error,
        )
        said = self._said
        if said is not None and _what(said) == _what(told):
            return
        self._said = told
        yield told


def _what(frame: UploadProgress) -> tuple[object, ...]:
    return frame.status, frame.progress_percent, frame.current_chunk, frame.total_chunks


class UploadSocket(JobDialect):
    parameter = "upload_id"

    def __init__(self, host: Avance) -> None:
        super().__init__(host.jobs)
        self._clock = host.clock
        self._course = Course("")
        # The answer to a ping is a sign of life, and who gives none is dropped long before.
        self._may_idle = host.settings.socket_ping_interval_s >= IDLE_S

    def takes(self, job: Any) -> bool:
        ended_ms = job.ended_ms
        is_over = ended_ms is not None and self._clock.now_ms() - ended_ms > AFTER_END_MS
        return job.kind == TASK and not is_over

    def greet(self, job: Any) -> Iterable[bytes]:
        self._course = Course(job.id)
        return ()

    def tell(self, event: Event) -> Iterable[bytes]:
        return map(_encode, self._course.tell(event))

    def opened(self, visit: Visit) -> Iterable[Effect]:
        return [*super().opened(visit), *self._awake()]

    def heard(self, text: str) -> Iterable[Effect]:
        if text.strip() == "close":
            return [Close(*CLOSE_END)]
        answer = [Send(_encode(Pong()))] if is_ping(text) else []
        return [*answer, *self._awake()]

    def rang(self, name: str) -> Iterable[Effect]:
        return [Close(*CLOSE_IDLE)]

    def _awake(self) -> Iterable[Effect]:
        return [Wake(IDLE, IDLE_S)] if self._may_idle else []


@speaks(sends=(UploadProgress,))
def speak(host: Avance) -> Dialect:
    """
    Stage, percent and passage counter of one upload, until the server ends it.
    """
    return UploadSocket(host)
