"""
Routes: the school-bus optimizer.
"""

from avance.apps.routes.declare import app
from avance.apps.routes.tasks import optimize, week

__all__ = ["app", "optimize", "week"]
