"""
What goes over the wire at `/v1`, as frozen structs: the routes check against them and OpenAPI is written from them.
"""

from typing import Annotated, Any

import msgspec

from avance.model.job import JobView
from avance.ports.auth import Role

ID_PATTERN = r"^[0-9A-Za-z._:-]{1,64}$"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]
Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=366 * 86_400)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The base of what is read.
    """


class SubmitRequest(Shape, frozen=True, kw_only=True):
    """
    A task by name and its parameters, by name or by position.
    """

    task: Name
    params: dict[str, Any] | list[Any] = {}
    owner: Name | None = None
    """Another user than the caller; admins only."""
    title: Text | None = None
    tags: Annotated[list[Name], msgspec.Meta(max_length=16)] = []
    meta: dict[str, Any] = {}
    priority: Annotated[int, msgspec.Meta(ge=-1000, le=1000)] | None = None
    delay_s: Seconds | None = None
    run_at: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    """An RFC 3339 moment with its offset, such as `2026-01-01T08:00:00Z`."""
    unique: Text | None = None
    """While an active job of this caller has this key, that job is the answer."""
    expires_s: Annotated[float, msgspec.Meta(gt=0, le=366 * 86_400)] | None = None
    parent_id: Id | None = None
    weight: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 1.0
    job_id: Annotated[str, msgspec.Meta(max_length=36)] | None = None
    """A UUID of the caller's choice."""


class JobUrls(msgspec.Struct, frozen=True, kw_only=True):
    self: str
    events: str
    result: str
    cancel: str
    retry: str


class Submitted(JobView, frozen=True, kw_only=True, omit_defaults=True):
    """
    The job, and what is needed to follow it.
    """

    channel: str
    token: str
    """Reads this job, and subscribes to its channel; short-lived."""
    token_expires_at: str
    urls: JobUrls


class JobList(msgspec.Struct, frozen=True, kw_only=True):
    jobs: list[JobView]
    cursor: str | None
    """Give it back as `cursor` for the next page; null on the last one."""


class ListQuery(Shape, frozen=True, kw_only=True):
    state: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """One state or several, separated by commas."""
    kind: Name | None = None
    tag: Name | None = None
    owner: Name | None = None
    """Admins only; others always see their own."""
    text: Name | None = None
    """Part of the title, or the start of the id."""
    parent: Id | None = None
    created_after: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    """An RFC 3339 moment."""
    created_before: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] = 50
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None


class EventsQuery(Shape, frozen=True, kw_only=True):
    since: Whole = 0
    """The `seq` of the last event that is known."""
    epoch: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] = 100
    wait_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Wait so long for an event if there is none yet."""


class JobEvents(msgspec.Struct, frozen=True, kw_only=True):
    epoch: str
    offset: int
    """The top of the stream."""
    events: list[msgspec.Raw]
    is_gap: bool
    """Events after `since` are no longer kept, or the epoch is another one: read the job itself, then follow from `offset`."""
    has_more: bool


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str | None
    params: dict[str, Any]
    """JSON Schema."""
    phases: list[str]
    runner: str


class TaskList(msgspec.Struct, frozen=True, kw_only=True):
    tasks: list[TaskView]


class TokenRequest(Shape, frozen=True, kw_only=True):
    """
    For the caller itself; admins may name another user, a role and channels.
    """

    user: Name | None = None
    role: Role | None = None
    tenant: Name | None = None
    ttl_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    channels: Annotated[list[Name], msgspec.Meta(max_length=1000)] = []
    """Subscribed by the server at connect."""
    channel: Name | None = None
    """A token for this one channel."""


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    user: str
    expires_at: str


class RevokeRequest(Shape, frozen=True, kw_only=True):
    """
    A token, by itself or by its `jti`, or all tokens of a user until now.
    """

    token: Annotated[str, msgspec.Meta(max_length=16_384)] | None = None
    token_id: Name | None = None
    user: Name | None = None


class RevokeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    revoked: bool


class Part(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    """`ok` or `down`."""
    detail: str | None = None
    data: dict[str, Any] = {}


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    """`healthy` while the process answers."""
    version: str
    timestamp: str
    parts: dict[str, Part]


class ReadyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    timestamp: str
    parts: dict[str, Part]


KINDS = (
    SubmitRequest,
    Submitted,
    JobList,
    JobEvents,
    TaskList,
    TokenRequest,
    TokenAnswer,
    RevokeRequest,
    RevokeAnswer,
    HealthAnswer,
    ReadyAnswer,
)
"""Bodies and answers, for OpenAPI."""
