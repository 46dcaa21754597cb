"""
The cheapest chains for given prices of trips: labels over trips, start times and sizes of vehicle, in numpy.
"""

from dataclasses import dataclass

import numpy as np

from avance.apps.routes.solver.block import MINUTE, UNITS_S, Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain

INFINITE = 1e15


@dataclass(frozen=True)
class _Into:
    """
    What can come directly before one trip.
    """

    loose: Ints
    """At any time of theirs, for any time of this trip."""
    loose_cost: Floats
    tight: Ints
    slots: Ints
    """[tight, time]: the last start of the one before that is in time, counted from 1; 0 for none."""
    tight_cost: Floats


@dataclass(frozen=True, kw_only=True)
class Priced:
    chain: Chain
    reduced: float


class Pricer:
    """
    Built once for a block; `price` is then called with other prices again and again.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._unit = block.unit_s or UNITS_S[-1]
        self._seats = block.seat_values
        seats = np.array(self._seats)
        self._fits: Bools = (block.low[:, None] <= seats[None, :]) & (
            seats[None, :] <= block.high[:, None]
        )
        counts = (block.hi - block.lo) // self._unit + 1
        self._times = int(counts.max())
        steps = np.arange(self._times)
        starts = block.lo[:, None] + steps[None, :] * self._unit
        self._shift: Floats = (
            block.shift_weight[:, None] * np.abs(starts - block.nominal[:, None]) / MINUTE
        )
        self._shift[steps[None, :] >= counts[:, None]] = INFINITE
        self._last = counts
        self._into = [self._links_into(j, starts) for j in range(block.size)]

    def _links_into(self, j: int, starts: Ints) -> _Into:
        block = self._block
        before = np.flatnonzero(block.links[:j, j])
        ready = block.duration[before] + block.gap[before, j]
        is_loose = block.hi[before] + ready <= block.lo[j]
        loose, tight = before[is_loose], before[~is_loose]
        room = starts[j][None, :] - ready[~is_loose][:, None] - block.lo[tight][:, None]
        slots = np.clip(np.floor_divide(room, self._unit) + 1, 0, self._last[tight][:, None])
        return _Into(
            loose=loose,
            loose_cost=block.cost[loose, j],
            tight=tight,
            slots=slots,
            tight_cost=block.cost[tight, j],
        )

    def price(
        self,
        prices: Floats,
        *,
        bus_cost: float,
        is_open: Bools | None = None,
        minutes_weight: float = 1.0,
        count_max: int = 200,
        below: float = -1e-6,
    ) -> tuple[float, list[Priced]]:
        """
        The least reduced cost of all chains, and chains that are below a limit.

        Args:
            is_open: Trips that may be used.
            minutes_weight: 0 to price buses alone.
        """
        labels = _Labels(self, prices, bus_cost, is_open, minutes_weight)
        best, at = labels.ends()
        least = float(best.min()) if len(best) else INFINITE
        order = np.argsort(best)
        found: list[Priced] = []
        uses = np.zeros(self._block.size, dtype=np.int64)
        for trip in order:
            if best[trip] >= below or len(found) >= count_max:
                break
            chain = labels.chain(int(trip), *at[trip])
            # The same trips again and again would teach the master little.
            if uses[list(chain)].min() < 4:
                uses[list(chain)] += 1
                found.append(Priced(chain=chain, reduced=float(best[trip])))
        return least, found


class _Labels:
    """
    One pass. value[trip, seats, time]: the cheapest chain that ends with this trip at this time in such a vehicle.
    """

    def __init__(
        self,
        pricer: Pricer,
        prices: Floats,
        bus_cost: float,
        is_open: Bools | None,
        minutes_weight: float,
    ) -> None:
        self._pricer = pricer
        size, kinds, times = len(prices), len(pricer._seats), pricer._times
        # Slot 0 means "no start in time"; slot t holds the best of the first t starts.
        self._upto = np.full((size, kinds, times + 1), INFINITE)
        self._at = np.zeros((size, kinds, times + 1), dtype=np.int32)
        self._from = np.full((size, kinds, times), -1, dtype=np.int32)
        self._slot = np.zeros((size, kinds, times), dtype=np.int32)
        kind = np.arange(kinds)[None, :, None]
        for j in range(size):
            if is_open is not None and not is_open[j]:
                continue
            self._label(j, float(prices[j]), bus_cost, minutes_weight, kind)

    def _label(self, j: int, price: float, bus_cost: float, weight: float, kind: Ints) -> None:
        pricer, into = self._pricer, self._pricer._into[j]
        best = np.full((self._upto.shape[1], self._upto.shape[2] - 1), bus_cost)
        came = self._from[j]
        slot = self._slot[j]
        if len(into.loose):
            values = self._upto[into.loose, :, -1] + weight * into.loose_cost[:, None]
            place = values.argmin(axis=0)
            value = np.take_along_axis(values, place[None, :], 0)[0]
            is_better = value < best[:, 0]
            best[is_better] = value[is_better, None]
            came[is_better] = into.loose[place[is_better], None]
            slot[is_better] = self._upto.shape[2] - 1
        if len(into.tight):
            values = (
                self._upto[into.tight[:, None, None], kind, into.slots[:, None, :]]
                + weight * into.tight_cost[:, None, None]
            )
            place = values.argmin(axis=0)
            value = np.take_along_axis(values, place[None], 0)[0]
            is_better = value < best
            best[is_better] = value[is_better]
            came[is_better] = into.tight[place[is_better]]
            used = np.broadcast_to(into.slots[:, None, :], values.shape)
            slot[is_better] = np.take_along_axis(used, place[None], 0)[0][is_better]
        best += weight * pricer._shift[j][None, :] - price
        best[:, pricer._shift[j] >= INFINITE] = INFINITE
        best[~pricer._fits[j]] = INFINITE
        upto, at = self._upto[j], self._at[j]
        upto[:, 1:] = np.minimum.accumulate(best, axis=1)
        is_new = np.empty(best.shape, dtype=bool)
        is_new[:, 0] = True
        is_new[:, 1:] = best[:, 1:] < upto[:, 1:-1]
        at[:, 1:] = np.maximum.accumulate(
            np.where(is_new, np.arange(best.shape[1])[None, :], 0), axis=1
        )

    def ends(self) -> tuple[Floats, list[tuple[int, int]]]:
        final = self._upto[:, :, -1]
        kinds = final.argmin(axis=1)
        best = final[np.arange(len(final)), kinds]
        at = self._at[np.arange(len(final)), kinds, -1]
        return best, list(zip(kinds.tolist(), at.tolist(), strict=True))

    def chain(self, trip: int, kind: int, time: int) -> Chain:
        """
        Follow the labels back from the end.
        """
        trips = [trip]
        while (before := int(self._from[trip, kind, time])) >= 0:
            time = int(self._at[before, kind, self._slot[trip, kind, time]])
            trip = before
            trips.append(trip)
        return tuple(reversed(trips))
