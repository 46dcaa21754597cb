"""
Redis: how nodes hear of each other at once, who is present over all of them, and reports that wait until they are in the store.
"""

from avance.backends.redis.bus import RedisBus
from avance.backends.redis.client import greet, open_blocking, reachable
from avance.backends.redis.journal import RedisJournal
from avance.backends.redis.limits import REDIS_LIMITS, RedisLimits
from avance.backends.redis.overheard import Overheard
from avance.backends.redis.presence import RedisPresence
from avance.backends.redis.writer import JournalWriter

__all__ = [
    "REDIS_LIMITS",
    "JournalWriter",
    "Overheard",
    "RedisBus",
    "RedisJournal",
    "RedisLimits",
    "RedisPresence",
    "greet",
    "open_blocking",
    "reachable",
]
