"""
How many connections follow each job here (001-36). A connection that is gone says nothing more, so each answers a roll call.
"""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from avance import Avance

ROLL_CALL_S = 2.0
"""How often a connection says that it is there."""
MISSING_S = 3 * ROLL_CALL_S
"""After so long a connection that said nothing is not counted."""


class Connections:
    """
    The manager of connections of one server: adding and removing one takes the same time however many there are.
    """

    def __init__(self, host: Avance) -> None:
        self._clock = host.clock
        self._seen_s: dict[str, dict[int, float]] = {}

    def here(self, job_id: str, connection: object) -> None:
        """
        A connection follows this job now.
        """
        self._seen_s.setdefault(job_id, {})[id(connection)] = self._clock.monotonic_s()

    def gone(self, job_id: str, connection: object) -> None:
        """
        It does no longer; one that was not there is ignored.
        """
        followers = self._seen_s.get(job_id, {})
        followers.pop(id(connection), None)
        if not followers:
            self._seen_s.pop(job_id, None)

    def counts(self) -> Mapping[str, int]:
        """
        By job, those with at least one.
        """
        since_s = self._clock.monotonic_s() - MISSING_S
        for job_id, followers in list(self._seen_s.items()):
            for one in [one for one, seen_s in followers.items() if seen_s < since_s]:
                del followers[one]
            if not followers:
                del self._seen_s[job_id]
        return {job_id: len(followers) for job_id, followers in self._seen_s.items()}


_of: "WeakKeyDictionary[Avance, Connections]" = WeakKeyDictionary()


def connections_of(host: Avance) -> Connections:
    """
    Those of this server.
    """
    if host not in _of:
        _of[host] = Connections(host)
    return _of[host]
