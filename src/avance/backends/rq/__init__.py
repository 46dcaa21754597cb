"""
What RQ itself knows of a job, for when its worker can no longer tell.
"""

from avance.backends.rq.outcome import Outcome, outcome

__all__ = ["Outcome", "outcome"]
