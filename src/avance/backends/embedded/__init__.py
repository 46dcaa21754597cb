"""
The embedded executor.
"""

from avance.backends.embedded.executor import EmbeddedExecutor, Health
from avance.backends.embedded.limits import EMBEDDED_LIMITS, EmbeddedLimits

__all__ = ["EMBEDDED_LIMITS", "EmbeddedExecutor", "EmbeddedLimits", "Health"]
