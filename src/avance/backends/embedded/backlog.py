"""
Reports that wait. In order and bounded; under pressure ordinary progress gives way to the progress that follows it.
"""

from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from avance.backends.embedded.frames import Up
from avance.backends.embedded.limits import EmbeddedLimits
from avance.model.report import ProgressMade


class Backlog:
    """
    Not safe for threads by itself.
    """

    def __init__(self, encode: Callable[[Up], bytes], limits: EmbeddedLimits) -> None:
        self._encode = encode
        self._limits = limits
        self._waiting: deque[tuple[Up, bytes]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        limits = self._limits
        return len(self._waiting) >= limits.backlog_reports_max or (
            self._bytes >= limits.backlog_bytes_max
        )

    def put(self, message: Up) -> None:
        if len(self._waiting) >= self._limits.conflate_from:
            before = self._waiting[-1][0]
            merged = merge(before, message)
            if merged is not None:
                message = merged
                self._bytes -= len(self._waiting.pop()[1])
        encoded = self._encode(message)
        self._waiting.append((message, encoded))
        self._bytes += len(encoded)

    def take(self) -> list[Up]:
        """
        Take all as messages.
        """
        taken = [message for message, _ in self._waiting]
        self._waiting.clear()
        self._bytes = 0
        return taken

    def take_bytes(self) -> bytes:
        """
        Take as many encoded messages as one write carries.
        """
        taken: list[bytes] = []
        size = 0
        while self._waiting and size < self._limits.write_bytes:
            encoded = self._waiting.popleft()[1]
            taken.append(encoded)
            size += len(encoded)
        self._bytes -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)


def merge(before: Up, after: Up) -> ProgressMade | None:
    """
    One report that says what both said, or None where the first must be seen by itself.
    """
    if not isinstance(before, ProgressMade) or not isinstance(after, ProgressMade):
        return None
    is_same_kind = (
        before.job_id == after.job_id
        and before.attempt == after.attempt
        and before.phase == after.phase
        and (before.percent is None) == (after.percent is None)
    )
    if not is_same_kind or _is_mark(before):
        return None
    return replace(
        after,
        current=before.current if after.current is None else after.current,
        total=before.total if after.total is None else after.total,
        unit=after.unit or before.unit,
        message=before.message if after.message is None else after.message,
        data=before.data if after.data is None else after.data,
    )


def _is_mark(report: ProgressMade) -> bool:
    """
    The beginning and the end are always shown.
    """
    if report.percent is not None:
        return report.percent <= 0 or report.percent >= 100
    if report.current is None:
        return False
    return report.current <= 0 or (report.total is not None and report.current >= report.total)
