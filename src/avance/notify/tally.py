"""
What this node did since it started, for whoever counts.
"""

from collections import Counter, defaultdict


class Tally:
    def __init__(self) -> None:
        self.stored = 0
        """Notifications."""
        self.attempts: Counter[tuple[str, str]] = Counter()
        """Of deliveries, by channel and how they went: sent, failed, again."""
        self.attempt_s: defaultdict[str, float] = defaultdict(float)
        """By channel, how long they took together."""
