"""
Centrifugo in front: its HTTP API, to which events are published.
"""

from avance.backends.centrifugo.api import CENTRIFUGO_LIMITS, CentrifugoApi, CentrifugoLimits

__all__ = ["CENTRIFUGO_LIMITS", "CentrifugoApi", "CentrifugoLimits"]
