"""
The words of `/ws/optimize/{job_id}`. docs/contract/routes.md, 2.1, 2.4 and decisions 3 to 9.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import anyio
import msgspec

from avance import Avance, AvanceError
from avance.apps.routes.connections import ROLL_CALL_S, connections_of
from avance.apps.routes.frames import (
    STATUS_WORDS,
    UNKNOWN_MESSAGE,
    Action,
    Completed,
    Failed,
    Pong,
    Progress,
    Status,
    cut_time,
    seconds_time,
    status_frame,
)
from avance.apps.routes.jobs import is_ours, read_stored
from avance.apps.routes.telling import attempt_message, failure_frame, progress_frame
from avance.dialect import (
    CLOSE_END,
    CLOSE_REFUSED,
    Close,
    Dialect,
    Do,
    Effect,
    Event,
    Send,
    Visit,
    Wake,
    Watch,
    speaks,
)
from avance.web import Identity, may_see

FIRST_FRAME_S = 0.25
"""So long the replay waits for the first frame of the client, which is answered before it."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
BAD_MESSAGE = "BAD_MESSAGE"
ROLL_CALL = "roll_call"
WAITING_MAX = 1_000
"""Events of a job that has just appeared, while it is found out whose it is."""


class Optimization(Dialect):
    """
    One connection that follows one optimization.
    """

    def __init__(self, host: Avance) -> None:
        self._host = host
        self._connections = connections_of(host)
        self._identity: Identity | None = None
        self._job_id = ""
        self._is_known = False
        self._greeted_seq = 0
        self._shown = -1
        self._last: tuple[str, int, str, int | None] | None = None
        self._error: Mapping[str, Any] | None = None
        self._attempt = 1
        self._early: list[Effect] | None = None
        self._first = anyio.Event()
        self._appeared: list[Event] = []

    def opened(self, visit: Visit) -> Iterable[Effect]:
        self._identity = visit.identity
        self._job_id = visit.path["job_id"]
        if visit.identity is None:
            return [Close(*CLOSE_REFUSED)]
        return [*self.rang(ROLL_CALL), Do(self._greet)]

    def rang(self, name: str) -> Iterable[Effect]:
        self._connections.here(self._job_id, self)
        return [Wake(ROLL_CALL, ROLL_CALL_S)]

    def heard(self, text: str) -> Iterable[Effect]:
        effects = list(self._answer(text))
        if self._early is None:
            return effects
        self._early += effects
        self._first.set()
        return ()

    def happened(self, channel: str, event: Event) -> Iterable[Effect]:
        if not self._is_known:
            return self._appears(event)
        match event["type"]:
            case "progress":
                return self._progress(event)
            case "state":
                effects = list(self._state(event))
                if any(isinstance(effect, Close) for effect in effects):
                    self._connections.gone(self._job_id, self)
                return effects
            case "error":
                self._error = event["error"]
        return ()

    # Beginning

    async def _greet(self) -> Iterable[Effect]:
        """
        The initial status; then the first frame of the client is answered before anything else, if one comes soon.
        """
        status = await self._status()
        watch = [Watch(f"job:{self._job_id}", from_start=True)] if self._can_appear else []
        return [Send(status), Do(self._wait_for_first), *watch]

    async def _wait_for_first(self) -> Iterable[Effect]:
        self._early = []
        with anyio.move_on_after(FIRST_FRAME_S):
            await self._first.wait()
        early, self._early = self._early, None
        return early

    @property
    def _can_appear(self) -> bool:
        """
        A job that is here and may be seen, or an id under which one may still come.
        """
        return self._is_known or (UUID.fullmatch(self._job_id) is not None and not self._is_foreign)

    _is_foreign = False

    async def _status(self) -> bytes:
        job = await self._read()
        now = seconds_time(self._host.clock.now_ms())
        if job is None:
            message = UNKNOWN_MESSAGE.format(job_id=self._job_id)
            return status_frame(self._job_id, "unknown", now, message=message)
        self._is_known = True
        self._greeted_seq = max(self._greeted_seq, job.seq)
        self._attempt = job.attempt
        word = STATUS_WORDS[job.state]
        return status_frame(self._job_id, word, now, message=attempt_message(word, job.attempt))

    async def _read(self) -> Any:
        try:
            job = await self._host.jobs.get(self._job_id)
        except AvanceError:
            return None
        if self._identity is None or not may_see(self._identity, job) or not is_ours(job.kind):
            self._is_foreign = True
            return None
        return job

    def _appears(self, event: Event) -> Iterable[Effect]:
        """
        A job has come under an id that was unknown.
        """
        self._appeared.append(event)
        if len(self._appeared) > 1:
            return ()
        return [Do(self._take_appeared)]

    async def _take_appeared(self) -> Iterable[Effect]:
        if await self._read() is None:
            self._appeared = self._appeared[:1]
            return ()
        self._is_known = True
        effects: list[Effect] = []
        for event in self._appeared[:WAITING_MAX]:
            effects += self.happened("", event)
        return effects

    # What the client says

    def _answer(self, text: str) -> Iterable[Effect]:
        try:
            action = msgspec.json.decode(text, type=Action).action
        except msgspec.DecodeError:
            return [
                Send(
                    msgspec.json.encode(
                        Failed(
                            job_id=self._job_id,
                            error_code=BAD_MESSAGE,
                            message='not understood; send {"action": "ping"} or {"action": "get_status"}',
                            timestamp=self._now(),
                        )
                    )
                )
            ]
        if action == "ping":
            return [Send(msgspec.json.encode(Pong(timestamp=self._now())))]
        return [Do(self._tell_status)]

    async def _tell_status(self) -> Iterable[Effect]:
        effects: list[Effect] = [Send(await self._status())]
        job = await self._read()
        if job is None:
            return effects
        progress = msgspec.to_builtins(job.progress)
        frame = progress_frame(self._job_id, progress, self._now(), job.attempt)
        if frame is not None:
            self._shown = max(self._shown, frame.progress)
            effects.append(Send(msgspec.json.encode(frame)))
        return effects

    def _now(self) -> str:
        return seconds_time(self._host.clock.now_ms())

    # What happens to the job

    def _progress(self, event: Event) -> Iterable[Effect]:
        at = cut_time(event["ts"])
        frame = progress_frame(self._job_id, event["progress"], at, event["attempt"])
        # What was shown is not taken back, not even by the replay after a `get_status`.
        if frame is None or frame.progress < self._shown:
            return ()
        shown = (frame.phase, frame.progress, frame.message, frame.best_buses)
        is_new_phase = self._last is None or self._last[0] != frame.phase
        if shown == self._last:
            return ()
        self._shown, self._last = frame.progress, shown
        return [Send(msgspec.json.encode(frame), is_ordinary=not is_new_phase)]

    def _state(self, event: Event) -> Iterable[Effect]:
        state, attempt, at = event["to"], event["attempt"], cut_time(event["ts"])
        match state:
            case "completed":
                return [Do(self._complete_frame(at)), Close(*CLOSE_END)]
            case "failed" | "expired":
                return [
                    Send(failure_frame(self._job_id, state, self._error or {}, at)),
                    Close(*CLOSE_END),
                ]
        word = STATUS_WORDS[state]
        # The greeting has told what was true then.
        if event["seq"] <= self._greeted_seq:
            return [Close(*CLOSE_END)] if state == "cancelled" else ()
        if attempt > 1 or state == "retrying":
            word = "running"
        if word == "running" and self._attempt == attempt and self._is_running:
            return ()
        self._is_running, self._attempt = word == "running", attempt
        status = status_frame(self._job_id, word, at, message=attempt_message(word, attempt))
        return [Send(status), *([Close(*CLOSE_END)] if state == "cancelled" else [])]

    _is_running = False

    def _complete_frame(self, at: str) -> Any:
        async def tell() -> Iterable[Effect]:
            stored = read_stored(await self._host.jobs.result(self._job_id))
            frame = Completed(
                job_id=self._job_id, result=stored.result, stats=stored.stats, timestamp=at
            )
            return [Send(msgspec.json.encode(frame))]

        return tell


@speaks(sends=(Status, Progress, Completed, Failed, Pong), takes=(Action,))
def speak(host: Avance) -> Dialect:
    """
    Follow an optimization: status, progress, and the schedule at its end.
    """
    return Optimization(host)
