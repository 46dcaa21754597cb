"""
avance beside Celery: what its tasks do is followed live, cancelled and kept, without a change to them.
"""

from avance.integrations.celery.adapter import attach
from avance.integrations.celery.task import Task

__all__ = ["Task", "attach"]
