"""
A dialect without I/O: it is told what happened on one connection, and answers with effects.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from avance.edge.http.access import may_see
from avance.errors import NotFound
from avance.jobs.service import Jobs
from avance.model.job import Job, JobView, State, view
from avance.model.stream import job_channel
from avance.ports.auth import Identity

CLOSE_END = (1000, "end of job")
CLOSE_REFUSED = (1008, "not authenticated")
CLOSE_INTERNAL = (1011, "internal error")
CLOSE_SLOW = (1013, "too slow")
CLOSE_UNKNOWN = (4404, "unknown")
CLOSE_IDLE = (4408, "idle")
CLOSE_RATE = (4429, "rate limited")

REPLAY_FRAMES_MAX = 200
"""A replay is thinned to so many frames; states, phases, the end and the latest position always stay."""

Event = Mapping[str, Any]
"""An event as decoded from its stream: `type`, `seq`, `ts`, …"""


class Send(msgspec.Struct, frozen=True):
    """
    One text frame. Of ordinary ones a long replay may leave some out.
    """

    text: bytes
    is_ordinary: bool = False


class Close(msgspec.Struct, frozen=True):
    code: int
    reason: str


class Watch(msgspec.Struct, frozen=True):
    """
    Be told of a channel, with `from_start` first of all that it retains.
    """

    channel: str
    from_start: bool = False


class Wake(msgspec.Struct, frozen=True):
    """
    Call `rang` with this name after a while; the same name again replaces it.
    """

    name: str
    after_s: float


class Do(msgspec.Struct, frozen=True):
    """
    Something that has to wait, in order with everything else on this connection; it answers further effects.
    """

    work: Callable[[], Awaitable[Iterable["Effect"]]]


Effect = Send | Close | Watch | Wake | Do


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who opened the socket, and where.
    """

    identity: Identity | None
    """None while nobody has brought credentials."""
    path: Mapping[str, str]
    """The parameters of the path."""
    query: Mapping[str, str]


class Dialect(ABC):
    """
    One connection.
    """

    @abstractmethod
    def opened(self, visit: Visit) -> Iterable[Effect]:
        """
        The socket was accepted.
        """

    @abstractmethod
    def heard(self, text: str) -> Iterable[Effect]:
        """
        The client sent a frame; a malformed one is answered and is never fatal by itself.
        """

    @abstractmethod
    def happened(self, channel: str, event: Event) -> Iterable[Effect]:
        """
        A watched channel has an event, in order and once.
        """

    def rang(self, name: str) -> Iterable[Effect]:
        """
        The time of a `Wake` has come.
        """
        return ()


class JobDialect(Dialect):
    """
    A socket that follows one job and is closed by the server after its end. A system gives the words.
    """

    parameter: ClassVar[str] = "job_id"
    """The parameter of the path that names the job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._channel = ""
        self.job: JobView | None = None
        """As it was when the socket was opened."""

    @abstractmethod
    def greet(self, job: JobView) -> Iterable[bytes]:
        """
        The frames before the replay.
        """

    @abstractmethod
    def tell(self, event: Event) -> Iterable[bytes]:
        """
        The frames of one event, replayed or live.
        """

    def takes(self, job: Job) -> bool:
        """
        Whether this socket serves such a job.
        """
        return True

    def unknown(self, job_id: str) -> Iterable[Effect]:
        """
        There is no such job, or not for this caller.
        """
        return [Close(*CLOSE_UNKNOWN)]

    def opened(self, visit: Visit) -> Iterable[Effect]:
        if visit.identity is None:
            return [Close(*CLOSE_REFUSED)]
        return [Do(lambda: self._begin(visit.path[self.parameter], visit.identity))]

    def heard(self, text: str) -> Iterable[Effect]:
        return ()

    def happened(self, channel: str, event: Event) -> Iterable[Effect]:
        is_ordinary = event["type"] not in ("state", "phase", "result", "error")
        yield from (Send(frame, is_ordinary=is_ordinary) for frame in self.tell(event))
        if event["type"] == "state" and State(event["to"]).is_terminal:
            yield Close(*CLOSE_END)

    async def _begin(self, job_id: str, identity: Identity | None) -> Iterable[Effect]:
        try:
            job = await self._jobs.get(job_id)
        except NotFound:
            return self.unknown(job_id)
        if identity is None or not may_see(identity, job) or not self.takes(job):
            return self.unknown(job_id)
        self.job = view(job)
        self._channel = job_channel(job.id)
        return [
            *(Send(frame) for frame in self.greet(self.job)),
            Watch(self._channel, from_start=True),
        ]


def thin(effects: list[Effect], frames_max: int = REPLAY_FRAMES_MAX) -> list[Effect]:
    """
    Leave ordinary frames out of a replay, evenly, but never the newest of them.
    """
    ordinary = [
        number
        for number, effect in enumerate(effects)
        if isinstance(effect, Send) and effect.is_ordinary
    ]
    others = sum(isinstance(effect, Send) for effect in effects) - len(ordinary)
    room = max(frames_max - others, 1)
    if len(ordinary) <= room:
        return effects
    kept = {ordinary[-1 - round(place * len(ordinary) / room)] for place in range(room)}
    return [
        effect
        for number, effect in enumerate(effects)
        if number in kept or number not in set(ordinary)
    ]
