"""
`avance.celery.attach(app, url)`: the tasks of a Celery app, followed live.
"""

from avance.integrations.celery import Task, attach

__all__ = ["Task", "attach"]
