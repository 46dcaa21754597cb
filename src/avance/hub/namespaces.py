"""
What channels may do, by the part of their name before the first colon.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from avance.errors import ConfigError
from avance.protocol import channel as names


class Allow(StrEnum):
    """
    Who may do a thing in a channel. A subscription token opens its channel whatever stands here.
    """

    NOBODY = "nobody"
    SUBSCRIBERS = "subscribers"
    """Who is subscribed on the same connection."""
    AUTHENTICATED = "authenticated"
    ANY = "any"
    OWNER = "owner"
    """By the rule of the namespace: the owner of a job, the user that the channel names."""


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """
    The settings of the channels `<name>:…`; the empty name is for channels without a namespace.
    """

    name: str = ""
    history_size: int = 0
    """Publications that can be recovered and read; 0 keeps none and gives no offsets."""
    history_ttl_s: float | None = None
    """Older publications are neither recovered nor read."""
    presence: bool = False
    join_leave: bool = False
    force_push_join_leave: bool = False
    """Every subscriber hears of joins, whether it asked or not."""
    force_recovery: bool = False
    force_positioning: bool = False
    allow_recovery: bool = True
    """A client that asks for it may recover; without history nobody can."""
    delta: bool = False
    allow_subscribe: Allow = Allow.NOBODY
    allow_publish: Allow = Allow.NOBODY
    allow_presence: Allow = Allow.NOBODY
    allow_history: Allow = Allow.NOBODY
    allow_user_limited: bool = True
    """`name#42,43` is open to these users."""
    snapshot: str | None = None
    """Which provider makes the first publication of a subscribe."""

    @property
    def is_ephemeral(self) -> bool:
        """
        Whether publications go to who listens now and are kept nowhere.
        """
        return self.history_size == 0


JOB = Namespace(
    name="job",
    history_size=1_000,
    presence=True,
    force_recovery=True,
    delta=True,
    allow_subscribe=Allow.OWNER,
    allow_presence=Allow.NOBODY,
    allow_history=Allow.SUBSCRIBERS,
    allow_user_limited=False,
    snapshot="job",
)
JOBS = Namespace(
    name="jobs",
    history_size=1_000,
    force_recovery=True,
    delta=True,
    allow_subscribe=Allow.OWNER,
    allow_history=Allow.SUBSCRIBERS,
    snapshot="jobs",
)
INBOX = Namespace(
    name="inbox",
    history_size=1_000,
    presence=True,
    force_recovery=True,
    delta=True,
    allow_subscribe=Allow.OWNER,
    allow_history=Allow.SUBSCRIBERS,
    snapshot="inbox",
)
TOPIC = Namespace(
    name="topic",
    history_size=100,
    history_ttl_s=3_600.0,
    presence=True,
    join_leave=True,
    force_recovery=True,
    delta=True,
    allow_subscribe=Allow.AUTHENTICATED,
    allow_presence=Allow.SUBSCRIBERS,
    allow_history=Allow.SUBSCRIBERS,
)

RESERVED = frozenset({"job", "jobs", "inbox"})
"""Written by avance alone: no client and no caller of the server API publishes here."""


class Namespaces:
    """
    Finds the settings of a channel.
    """

    def __init__(self, namespaces: Iterable[Namespace] = (JOB, JOBS, INBOX, TOPIC)) -> None:
        self._by_name: dict[str, Namespace] = {}
        for namespace in namespaces:
            if namespace.name in self._by_name:
                raise ConfigError(f"namespace {namespace.name!r} is defined twice; keep one")
            if namespace.history_size < 0:
                raise ConfigError(
                    f"history_size of namespace {namespace.name!r} is {namespace.history_size}; use 0 or more"
                )
            self._by_name[namespace.name] = namespace

    def __iter__(self) -> Iterator[Namespace]:
        return iter(self._by_name.values())

    def of(self, channel: str) -> Namespace | None:
        """
        The settings of a channel, or None when its namespace is not known.
        """
        return self._by_name.get(names.namespace(channel))
