"""
For apps that speak their own words on a socket of their own.
"""

from avance.edge.dialect.dialect import (
    CLOSE_END,
    CLOSE_IDLE,
    CLOSE_RATE,
    CLOSE_REFUSED,
    CLOSE_UNKNOWN,
    REPLAY_FRAMES_MAX,
    Close,
    Dialect,
    Do,
    Effect,
    Event,
    JobDialect,
    Send,
    Visit,
    Wake,
    Watch,
)
from avance.edge.dialect.frames import speaks

__all__ = [
    "CLOSE_END",
    "CLOSE_IDLE",
    "CLOSE_RATE",
    "CLOSE_REFUSED",
    "CLOSE_UNKNOWN",
    "REPLAY_FRAMES_MAX",
    "Close",
    "Dialect",
    "Do",
    "Effect",
    "Event",
    "JobDialect",
    "Send",
    "Visit",
    "Wake",
    "Watch",
    "speaks",
]
