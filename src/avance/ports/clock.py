"""
Time comes in through here.
"""

from abc import ABC, abstractmethod


class Clock(ABC):
    @abstractmethod
    def now_ms(self) -> int:
        """
        Wall time, for what is stored and shown.
        """

    @abstractmethod
    def monotonic_s(self) -> float:
        """
        For measuring and for time-outs; never goes back.
        """

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """
        Wait.
        """
