"""
The frames of the ingest contract on plain channels of Redis, `job:<id>`, for programs that listen there (000-12).
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from avance import Avance, State
from avance.apps.documents.beside_rq import KIND
from avance.apps.documents.frames import JobUpdate
from avance.apps.documents.ingest_socket import ending
from avance.apps.documents.tasks import ingest
from avance.apps.documents.words import STEPS, failure, ingest_status
from avance.dialect import Event

CHANNEL = "job:{job_id}"
_encode = msgspec.json.Encoder().encode


@asynccontextmanager
async def told(host: Avance) -> AsyncGenerator[None, None]:
    """
    Say there what happens to documents, if Redis is the bus.
    """
    host.mirror_events([ingest.name, KIND], CHANNEL, updates)
    yield


def updates(job: Any, event: Event) -> Iterable[bytes]:
    """
    The frame of one event.
    """
    match event["type"]:
        case "state":
            state = State(event["to"])
            status = ingest_status(state, event["attempt"])
            told = JobUpdate(job_id=job.id, status=status, **_end(job, state))
        case "phase" if event["state"] == "running" and event["id"] in STEPS:
            told = JobUpdate(job_id=job.id, status="processing", step=STEPS[event["id"]])
        case _:
            return
    yield _encode(msgspec.structs.replace(told, timestamp=event["ts"], filename=job.title))


def _end(job: Any, state: State) -> dict[str, Any]:
    if state is State.COMPLETED:
        return ending(msgspec.json.decode(job.result) if job.result is not None else {})
    if not state.is_terminal:
        return {}
    return {"error": failure(state, None if job.error is None else {"message": job.error.message})}
