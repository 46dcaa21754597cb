"""
The events of a job, one envelope for all. `v` and `seq` are stamped by the store (stream.py).
"""

import msgspec

from avance.model.job import JobError, JobView, Progress, State


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    job_id: str
    attempt: int
    ts: str


class StateChanged(
    Envelope,
    tag="state",
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"from_state": "from", "to_state": "to"},
):
    """
    The job went from one state to another; after a terminal one no event follows.
    """

    from_state: State | None
    to_state: State
    reason: str
    not_before: str | None = None
    max_attempts: int | None = None
    """How many attempts the job may have by now: a lost worker allows more than an error."""


class Progressed(Envelope, tag="progress", frozen=True, kw_only=True, omit_defaults=True):
    """
    The whole progress, never a part of it, so that the latest alone is enough.
    """

    progress: Progress


class PhaseChanged(Envelope, tag="phase", frozen=True, kw_only=True, omit_defaults=True):
    id: str
    label: str
    state: str


class Logged(Envelope, tag="log", frozen=True, kw_only=True, omit_defaults=True):
    level: str
    message: str
    fields: dict[str, object] = {}


class Emitted(Envelope, tag="data", frozen=True, kw_only=True, omit_defaults=True):
    """
    A chunk of a stream that the task names, such as the tokens of an answer.
    """

    name: str
    chunk: msgspec.Raw


class ResultReady(Envelope, tag="result", frozen=True, kw_only=True, omit_defaults=True):
    result: msgspec.Raw | None = None
    result_url: str | None = None
    is_partial: bool = False


class ErrorRaised(Envelope, tag="error", frozen=True, kw_only=True, omit_defaults=True):
    """
    An attempt ended in an error, or the job was cancelled or expired; whether that ends the job is told by the `state` event that
    follows.
    """

    error: JobError


class ChildChanged(Envelope, tag="child", frozen=True, kw_only=True, omit_defaults=True):
    """
    The children moved; the counts are the whole roll-up.
    """

    total: int
    completed: int
    failed: int
    percent: float | None = None


class MetaUpdated(Envelope, tag="meta", frozen=True, kw_only=True, omit_defaults=True):
    """
    The task changed the `meta` of its job; the whole of it, so that the latest alone is enough.
    """

    meta: dict[str, object]


class Snapshot(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="snapshot", tag_field="type"
):
    """
    The whole job, in the reply to a first or unrecovered subscribe.
    """

    job_id: str
    attempt: int
    ts: str
    job: JobView


class JobListed(msgspec.Struct, frozen=True, kw_only=True, tag="job", tag_field="type"):
    """
    On `jobs:#<user>`: the newest summary of one job.
    """

    job: JobView


class JobRemoved(msgspec.Struct, frozen=True, kw_only=True, tag="removed", tag_field="type"):
    """
    On `jobs:#<user>`: a job that had ended is gone.
    """

    job_id: str


class JobListSnapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot", tag_field="type"):
    """
    On `jobs:#<user>`: the newest jobs of that user.
    """

    jobs: tuple[JobView, ...]


Body = (
    StateChanged
    | Progressed
    | PhaseChanged
    | Logged
    | Emitted
    | ResultReady
    | ErrorRaised
    | ChildChanged
    | MetaUpdated
)
"""What a job's stream holds."""

_encoder = msgspec.json.Encoder()


def encode(body: msgspec.Struct) -> bytes:
    """
    The bytes that stay these bytes all the way to the browser.
    """
    return _encoder.encode(body)
