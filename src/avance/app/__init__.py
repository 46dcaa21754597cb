"""
The composition root: the only place that names concrete backends.
"""

from avance.app.blocking import Blocking
from avance.app.core import Avance
from avance.app.extension import App
from avance.app.handle import JobHandle
from avance.app.load import load
from avance.app.task import SubmittableTask
from avance.app.track import Tracker

__all__ = ["App", "Avance", "Blocking", "JobHandle", "SubmittableTask", "Tracker", "load"]
