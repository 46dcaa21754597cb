"""
avance: durable jobs, a gap-free live event stream to the browser, and user notifications.
"""

from avance.app import App, Avance, Blocking, JobHandle, Tracker
from avance.errors import AvanceError, Cancelled, TaskFailed
from avance.jobs.context import Job, current, job
from avance.jobs.task import Limit, OnConflict, Retry, Runner, Throttle
from avance.model.job import State
from avance.version import VERSION as __version__

__all__ = [
    "App",
    "Avance",
    "AvanceError",
    "Blocking",
    "Cancelled",
    "Job",
    "JobHandle",
    "Limit",
    "OnConflict",
    "Retry",
    "Runner",
    "State",
    "TaskFailed",
    "Throttle",
    "Tracker",
    "__version__",
    "current",
    "job",
]
