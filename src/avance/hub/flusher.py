import asyncio
from typing import TYPE_CHECKING

from avance.hub.forms import Frame
from avance.hub.limits import HubLimits
from avance.hub.outlet import Outlet
from avance.ports.clock import Clock

if TYPE_CHECKING:
    from avance.hub.channel import Channel


class Flusher:
    """
    Writes what was published in one step of the loop at the end of that step, each connection once.

    Under load it gathers over more steps: after a flush it waits as long as a multiple of what that flush took, bounded by a named
    latency. When little is to be written that is less than the time to the next publication, so nothing waits.
    """

    def __init__(self, clock: Clock, limits: HubLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._dirty: dict[Channel, None] = {}
        self._handle: asyncio.Handle | None = None
        self._is_flushing = False
        self._rest_until_s = 0.0

    def mark(self, channel: "Channel") -> None:
        """
        Something is to be written in this channel.
        """
        self._dirty[channel] = None
        if self._handle is None:
            wait_s = self._rest_until_s - self._clock.monotonic_s()
            loop = asyncio.get_running_loop()
            self._handle = (
                loop.call_soon(self.flush) if wait_s <= 0 else loop.call_later(wait_s, self.flush)
            )

    def flush(self) -> None:
        """
        Write it now.
        """
        if self._is_flushing or not self._dirty:
            return
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        dirty, self._dirty = self._dirty, {}
        started_s = self._clock.monotonic_s()
        self._is_flushing = True
        try:
            self._write(dirty)
        finally:
            self._is_flushing = False
        ended_s = self._clock.monotonic_s()
        rest_s = (ended_s - started_s) * self._limits.gather_cost_factor
        self._rest_until_s = ended_s + min(rest_s, self._limits.gather_ms_max / 1000)

    def close(self) -> None:
        """
        Write nothing more.
        """
        self._dirty.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _write(self, dirty: dict["Channel", None]) -> None:
        batches = [batch for channel in dirty for batch in channel.batches()]
        if len(batches) == 1:
            outlets, frames = batches[0]
            for outlet in outlets:
                outlet.send(frames)
            return
        # Connections with the same subscriptions get the same joined tuple, so that their driver joins the bytes once for all.
        joined: dict[tuple[int, int], tuple[Frame, ...]] = {}
        kept = []
        waiting: list[Outlet] = []
        for outlets, frames in batches:
            for outlet in outlets:
                batch = outlet.batch
                if batch is None:
                    waiting.append(outlet)
                    outlet.batch = frames
                    continue
                key = (id(batch), id(frames))
                both = joined.get(key)
                if both is None:
                    joined[key] = both = batch + frames
                    # While this flush lasts no other tuple may take the identity of these.
                    kept.append((batch, frames))
                outlet.batch = both
        for outlet in waiting:
            frames_of_outlet = outlet.batch
            outlet.batch = None
            if frames_of_outlet is not None:
                outlet.send(frames_of_outlet)
