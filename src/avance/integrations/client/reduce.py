"""
The one place where events become the job that is shown. Pure.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from avance.model.job import Children, JobError, JobView, Progress, State

Event = Mapping[str, Any]


class ClientJob(JobView, frozen=True, kw_only=True):
    """
    A job as a client has it, its result decoded.
    """

    result: Any = None


def apply(job: ClientJob, event: Event) -> ClientJob:
    """
    The job after an event; what it does not change comes back as it is.
    """
    if event["type"] == "snapshot":
        return view_of(event["job"])
    if event["seq"] <= job.seq:
        return job
    job = replace(job, seq=event["seq"], attempt=event.get("attempt", job.attempt))
    match event["type"]:
        case "progress":
            return replace(job, progress=msgspec.convert(event["progress"], Progress))
        case "state":
            return _state(job, event)
        case "phase":
            return replace(job, phases=_phases(job, event))
        case "result":
            return _result(job, event)
        case "error":
            return replace(job, error=msgspec.convert(event["error"], JobError))
        case "child":
            fields = {name: event[name] for name in ("total", "completed", "failed")}
            return replace(job, children=Children(**fields, percent=event.get("percent")))
    return job


def view_of(job: Event) -> ClientJob:
    """
    A job as it came in a snapshot.
    """
    return msgspec.convert(job, ClientJob)


def _state(job: ClientJob, event: Event) -> ClientJob:
    state = State(event["to"])
    changes: dict[str, Any] = {"state": state, "not_before": event.get("not_before")}
    if state is State.RUNNING and job.started_at is None:
        changes["started_at"] = event["ts"]
    if state.is_terminal:
        changes["ended_at"] = event["ts"]
    return replace(job, **changes)


def _result(job: ClientJob, event: Event) -> ClientJob:
    return replace(
        job,
        result=event.get("result"),
        result_url=event.get("result_url"),
        result_is_partial=event.get("is_partial", False),
    )


def _phases(job: ClientJob, event: Event) -> tuple[Mapping[str, object], ...]:
    changed = {"id": event["id"], "label": event.get("label", event["id"]), "state": event["state"]}
    if all(phase["id"] != event["id"] for phase in job.phases):
        return (*job.phases, changed)
    return tuple(
        {**phase, **changed} if phase["id"] == event["id"] else phase for phase in job.phases
    )
