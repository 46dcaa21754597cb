"""
Routes: the school-bus optimizer.
"""

from avance.apps.routes.declare import app
from avance.apps.routes.tasks import optimize

__all__ = ["app", "optimize"]
