"""
What one process needs of a bus and of presence.
"""

from avance.backends.memory.bus import MemoryBus
from avance.backends.memory.presence import MemoryPresence

__all__ = ["MemoryBus", "MemoryPresence"]
