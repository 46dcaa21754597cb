"""
The frames of both sockets, as types: encoded from them, and described by them.
"""

from typing import Any

import msgspec


class Connected(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="connected", omit_defaults=True
):
    """
    The first frame: this job is followed from now on.
    """

    job_id: str
    message: str | None = None


class JobUpdate(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="job_update",
    omit_defaults=True,
):
    """
    Where the document is.
    """

    job_id: str
    status: str
    step: str | None = None
    chunks: int | None = None
    error: str | None = None
    filename: str | None = None
    message: str | None = None
    timestamp: str | None = None
    duplicate: bool = False
    duplicate_of: str | None = None
    uploaded_at: str | None = None


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    """
    I am here.
    """


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ping"):
    """
    Are you there? The bare text `ping` and `{"action":"ping"}` are understood as well.
    """


class UploadProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    How far an upload is.
    """

    upload_id: str
    status: str
    progress_percent: float
    current_chunk: int
    total_chunks: int
    message: str
    timestamp: str
    metrics: dict[str, Any] | None = None
    error: str | None = None


class BatchProgress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="batch_update"
):
    """
    How far a batch is.
    """

    batch_id: str
    status: str
    statistics: dict[str, int]
    progress_percentage: float
