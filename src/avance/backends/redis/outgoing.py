"""
What waits for a server, and what is left of it when too much waits.
"""

from collections import deque

import msgspec


class Post(msgspec.Struct, frozen=True):
    """
    One message for one channel of Redis.
    """

    channel: str
    body: bytes
    hints_at: str | None = None
    """The channel of avance whose reader can make up for this message by a look at the store."""


class Outgoing:
    """
    Bounded in messages and bytes: the oldest go first, and what they told of is remembered.
    """

    def __init__(self, *, messages_max: int, bytes_max: int, missed_max: int) -> None:
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._missed_max = missed_max
        self._posts: deque[Post] = deque()
        self._bytes = 0
        self.missed: set[str] = set()
        self.is_all_missed = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._posts)

    def add(self, post: Post) -> None:
        self._posts.append(post)
        self._bytes += len(post.body)
        self._shed()

    def take(self, count: int) -> list[Post]:
        """
        The oldest, up to so many.
        """
        taken = [self._posts.popleft() for _ in range(min(count, len(self._posts)))]
        self._bytes -= sum(len(post.body) for post in taken)
        return taken

    def put_back(self, posts: list[Post]) -> None:
        """
        What could not be sent comes first again.
        """
        self._posts.extendleft(reversed(posts))
        self._bytes += sum(len(post.body) for post in posts)
        self._shed()

    def made_up_for(self) -> None:
        """
        Whoever reads the missed channels was told to look.
        """
        self.missed.clear()
        self.is_all_missed = False

    def _shed(self) -> None:
        while len(self._posts) > self._messages_max or (
            self._bytes > self._bytes_max and len(self._posts) > 1
        ):
            lost = self._posts.popleft()
            self._bytes -= len(lost.body)
            self.dropped += 1
            if lost.hints_at is None:
                continue
            if len(self.missed) >= self._missed_max:
                self.is_all_missed = True
            else:
                self.missed.add(lost.hints_at)
