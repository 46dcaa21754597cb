"""
`/ws/jobs/{job_id}` of docs/contract/ingest.md.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from avance import Avance, State
from avance.apps.documents.frames import Connected, JobUpdate, Ping, Pong
from avance.apps.documents.words import STEPS, failure, ingest_status, iso_z
from avance.dialect import Dialect, Effect, Event, JobDialect, Send, speaks

_encode = msgspec.json.Encoder().encode
_PINGS = ("ping", '"ping"')


class IngestSocket(JobDialect):
    """
    Words for one job. It holds no state of the job, only what it has said on this connection.
    """

    def __init__(self, host: Avance) -> None:
        super().__init__(host.jobs)
        self._said: JobUpdate | None = None
        self._furthest = -1
        self._result: dict[str, Any] = {}
        self._error: dict[str, Any] = {}

    def greet(self, job: Any) -> Iterable[bytes]:
        yield _encode(Connected(job_id=job.id))

    def tell(self, event: Event) -> Iterable[bytes]:
        match event["type"]:
            case "state":
                yield from self._state(event)
            case "phase" if event["state"] == "running":
                yield from self._phase(event)
            case "result":
                self._result = event.get("result") or {}
            case "error":
                self._error = event["error"]

    def heard(self, text: str) -> Iterable[Effect]:
        if is_ping(text):
            return [Send(_encode(Pong()))]
        return ()

    def _state(self, event: Event) -> Iterable[bytes]:
        state = State(event["to"])
        status = ingest_status(state, event["attempt"])
        yield from self._say(event, status, **self._ending(state))

    def _ending(self, state: State) -> dict[str, Any]:
        if state is State.COMPLETED:
            return ending(self._result)
        return {"error": failure(state, self._error)} if state.is_terminal else {}

    def _phase(self, event: Event) -> Iterable[bytes]:
        step = STEPS.get(event["id"])
        place = list(STEPS).index(event["id"]) if step else -1
        if step is not None and place > self._furthest:
            self._furthest = place
            yield from self._say(event, "processing", step=step)

    def _say(self, event: Event, status: str, **more: Any) -> Iterable[bytes]:
        told = JobUpdate(job_id=event["job_id"], status=status, **more)
        is_again = status == "processing" and told.step is None and self._furthest >= 0
        if told != self._said and not is_again:
            self._said = told
            yield _encode(msgspec.structs.replace(told, timestamp=event["ts"]))


def ending(result: dict[str, Any]) -> dict[str, Any]:
    """
    What a completed job adds: how many passages, or of what it is a duplicate.
    """
    duplicates = result.get("duplicates") or []
    more: dict[str, Any] = {"chunks": int(result.get("chunks") or 0)}
    if duplicates and not result.get("documents"):
        more |= {
            "duplicate": True,
            "duplicate_of": duplicates[0]["duplicate_of"],
            "uploaded_at": iso_z(duplicates[0]["uploaded_ms"]),
        }
    return more


def is_ping(text: str) -> bool:
    """
    `ping`, `{"type":"ping"}` or `{"action":"ping"}`.
    """
    if text.strip() in _PINGS:
        return True
    try:
        told = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return isinstance(told, dict) and "ping" in (told.get("type"), told.get("action"))


@speaks(sends=(Connected, JobUpdate, Pong), takes=(Ping,))
def speak(host: Avance) -> Dialect:
    """
    The course of one document: queued, processing with its steps, completed or failed; then the server closes.
    """
    return IngestSocket(host)
