"""
A store or a service that is away for a while.
"""

import logging
from types import TracebackType
from typing import Self

from avance.errors import AvanceError, Unavailable


class Outage:
    """
    Around work that is tried until it can be done: what keeps it from being done is said once and not at each try, and ends nothing.
    """

    def __init__(
        self, log: logging.Logger, waits: str, *, kind: type[AvanceError] = Unavailable
    ) -> None:
        """
        Args:
            waits: What does not go on meanwhile; the error follows it in the log.
            kind: What is waited for; anything else passes.
        """
        self._log = log
        self._waits = waits
        self._kind = kind
        self.lasts: bool = False
        """Whether the last try failed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, self._kind):
            self.lasts = False
            return False
        self._log.log(
            logging.DEBUG if self.lasts else logging.WARNING, "%s: %s", self._waits, error.message
        )
        self.lasts = True
        return True
