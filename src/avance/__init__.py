"""
avance: durable jobs, a gap-free live event stream to the browser, and user notifications.
"""

from avance.app import App, Avance, Blocking, JobHandle, Tracker
from avance.app.inbox import (
    Action,
    Addresses,
    DeliveryView,
    Digest,
    Escalate,
    Frequency,
    Inbox,
    Kind,
    Notice,
    Planned,
    Preferences,
    Priority,
    QuietHours,
    SendLimit,
    on_finish,
)
from avance.errors import AvanceError, Cancelled, TaskFailed
from avance.jobs.context import Job, current, job
from avance.jobs.task import Limit, OnConflict, Retry, Runner, Throttle
from avance.model.job import State
from avance.model.secret import Secret
from avance.ports.store import JobFilter
from avance.version import VERSION as __version__

__all__ = [
    "Action",
    "Addresses",
    "App",
    "Avance",
    "AvanceError",
    "Blocking",
    "Cancelled",
    "DeliveryView",
    "Digest",
    "Escalate",
    "Frequency",
    "Inbox",
    "Job",
    "JobFilter",
    "JobHandle",
    "Kind",
    "Limit",
    "Notice",
    "OnConflict",
    "Planned",
    "Preferences",
    "Priority",
    "QuietHours",
    "Retry",
    "Runner",
    "Secret",
    "SendLimit",
    "State",
    "TaskFailed",
    "Throttle",
    "Tracker",
    "__version__",
    "current",
    "job",
    "on_finish",
]
