"""
The clock of the machine.
"""

from avance.backends.system.clock import SystemClock

__all__ = ["SystemClock"]
