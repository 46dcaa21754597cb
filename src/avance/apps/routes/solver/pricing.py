"""
The cheapest chains for given prices of trips: labels over trips, start times and sizes of vehicle, in numpy.
"""

from dataclasses import dataclass

import numpy as np

from avance.apps.routes.solver.block import MINUTE, UNITS_S, Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain

INFINITE = 1e15
USES_MAX = 4
"""Chains of one call in which a trip may be: the same trips again and again would teach the master little."""


@dataclass(frozen=True, kw_only=True)
class Priced:
    chain: Chain
    reduced: float
    minutes: float
    """What it costs beside its bus, at the best start times of the grid."""


@dataclass(frozen=True)
class _Into:
    """
    What can come directly before each trip, one row for each link, in the order of the trips that come after.
    """

    before: Ints
    cost: Floats
    rows: Ints
    """Those of trip j go from rows[j] to rows[j + 1]."""

    def of(self, trip: int) -> slice:
        return slice(int(self.rows[trip]), int(self.rows[trip + 1]))


@dataclass(frozen=True)
class _Part:
    """
    The rows of several trips, so that one call of numpy finds the best for each.
    """

    rows: slice
    trips: Ints
    """Those that have any, counted from the first of the batch."""
    starts: Ints
    """Where the rows of each begin, counted from the first."""


@dataclass(frozen=True)
class _Batch:
    """
    Trips of which none can follow another, so that they are labelled at once.
    """

    trips: slice
    loose: _Part
    tight: _Part


class Pricer:
    """
    Built once for a block; `price` is then called with other prices again and again.
    """

    def __init__(self, block: Block, unfit: Bools | None = None) -> None:
        """
        Args:
            unfit: [trip, kind]: this kind of vehicle may not drive it; without, there is a kind for each size that matters.
        """
        self.block = block
        self._unit = block.unit_s or UNITS_S[-1]
        self.unfit = unfit_sizes(block) if unfit is None else unfit
        counts = (block.hi - block.lo) // self._unit + 1
        self.times = int(counts.max())
        steps = np.arange(self.times)
        starts = block.lo[:, None] + steps[None, :] * self._unit
        self.shift: Floats = (
            block.shift_weight[:, None] * np.abs(starts - block.nominal[:, None]) / MINUTE
        )
        self.never: Bools = steps[None, :] >= counts[:, None]
        self._link(starts, counts)
        self.batches = self._batched()

    def _link(self, starts: Ints, counts: Ints) -> None:
        block = self.block
        after, before = np.nonzero(np.triu(block.links, 1).T)
        ready = block.duration[before] + block.gap[before, after]
        is_loose = block.hi[before] + ready <= block.lo[after]
        self.loose = self._rows(before[is_loose], after[is_loose])
        self.tight = self._rows(before[~is_loose], after[~is_loose])
        i, j = before[~is_loose], after[~is_loose]
        room = starts[j] - (ready[~is_loose] + block.lo[i])[:, None]
        # The last start of the one before that is in time, counted from 1; 0 for none.
        slots = np.clip(np.floor_divide(room, self._unit) + 1, 0, counts[i][:, None])
        self.slots: Ints = i[:, None] * (self.times + 1) + slots

    def _rows(self, before: Ints, after: Ints) -> _Into:
        rows = np.searchsorted(after, np.arange(self.block.size + 1))
        return _Into(before, self.block.cost[before, after], rows)

    def _batched(self) -> list[_Batch]:
        links, size = self.block.links, self.block.size
        batches: list[_Batch] = []
        first = 0
        for trip in range(1, size + 1):
            if trip == size or links[first:trip, trip].any():
                trips = slice(first, trip)
                loose, tight = _part(self.loose, trips), _part(self.tight, trips)
                batches.append(_Batch(trips, loose, tight))
                first = trip
        return batches

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
        begin: Floats = np.full((self.unfit.shape[1], self.block.size), bus_cost)
        labels = Labels(self, prices, begin, is_open, minutes_weight)
        best, kinds = labels.ends()
        least = float(best.min()) if len(best) else INFINITE
        found: list[Priced] = []
        uses = np.zeros(self.block.size, dtype=np.int64)
        for trip in np.argsort(best).tolist() if count_max else ():
            if best[trip] >= below or len(found) >= count_max:
                break
            chain, minutes = labels.chain(trip, int(kinds[trip]))
            if uses[list(chain)].min() < USES_MAX:
                uses[list(chain)] += 1
                found.append(Priced(chain=chain, reduced=float(best[trip]), minutes=minutes))
        return least, found

    def price_kinds(
        self,
        prices: Floats,
        begin: Floats,
        finish: Floats,
        *,
        is_open: Bools | None = None,
        minutes_weight: float = 1.0,
        count_max: int,
        below: float,
    ) -> tuple[Floats, list[tuple[int, Priced]]]:
        """
        The same where it matters in which kind of vehicle a chain is driven: the least of each kind, and chains with their kind.

        Args:
            begin: [kind, trip]: what it costs to begin with this trip.
            finish: What it costs to end with it.
            count_max: For each kind.
        """
        labels = Labels(self, prices, begin, is_open, minutes_weight)
        ends = labels.last + finish
        found: list[tuple[int, Priced]] = []
        for kind in range(len(ends)):
            uses = np.zeros(self.block.size, dtype=np.int64)
            count = 0
            for trip in np.argsort(ends[kind]).tolist():
                reduced = float(ends[kind, trip])
                if reduced >= below or count >= count_max:
                    break
                chain, minutes = labels.chain(trip, kind)
                if uses[list(chain)].min() < USES_MAX:
                    uses[list(chain)] += 1
                    count += 1
                    found.append((kind, Priced(chain=chain, reduced=reduced, minutes=minutes)))
        return ends.min(axis=1), found


def unfit_sizes(block: Block) -> Bools:
    """
    [trip, size of vehicle]: it does not fit.
    """
    seats = np.array(block.seat_values)
    fits: Bools = (block.low[:, None] <= seats[None, :]) & (seats[None, :] <= block.high[:, None])
    return ~fits


def _part(into: _Into, trips: slice) -> _Part:
    bounds = into.rows[trips.start : trips.stop + 1]
    has_any = np.flatnonzero(bounds[1:] > bounds[:-1])
    rows = slice(int(bounds[0]), int(bounds[-1]))
    return _Part(rows, has_any, bounds[:-1][has_any] - bounds[0])


class Labels:
    """
    One pass. upto[seats, trip, slot]: the cheapest chain that ends with this trip at one of its first `slot` starts in such a vehicle;
    nothing ends at slot 0.
    """

    def __init__(
        self,
        pricer: Pricer,
        prices: Floats,
        begin: Floats,
        is_open: Bools | None,
        minutes_weight: float,
    ) -> None:
        self.pricer = pricer
        self._begin = begin
        self._weight = minutes_weight
        kinds, size = pricer.unfit.shape[1], pricer.block.size
        self.loose_cost = minutes_weight * pricer.loose.cost
        self.tight_cost = minutes_weight * pricer.tight.cost
        self.upto = np.full((kinds, size, pricer.times + 1), INFINITE)
        self.last = np.full((kinds, size), INFINITE)
        add = minutes_weight * pricer.shift - prices[:, None]
        add[pricer.never] = INFINITE
        if is_open is not None:
            add[~is_open] = INFINITE
        for kind in range(kinds):
            self._run(kind, np.where(pricer.unfit[:, kind, None], INFINITE, add))

    def _run(self, kind: int, add: Floats) -> None:
        pricer, upto, last = self.pricer, self.upto[kind], self.last[kind]
        slots, begin = upto.reshape(-1), self._begin[kind]
        for batch in pricer.batches:
            trips, loose, tight = batch.trips, batch.loose, batch.tight
            best = np.repeat(begin[trips, None], add.shape[1], axis=1)
            if len(loose.trips):
                ways = last[pricer.loose.before[loose.rows]] + self.loose_cost[loose.rows]
                least = np.minimum.reduceat(ways, loose.starts)
                best[loose.trips] = np.minimum(begin[trips][loose.trips], least)[:, None]
            if len(tight.trips):
                steps = slots[pricer.slots[tight.rows]]
                steps += self.tight_cost[tight.rows, None]
                least = np.minimum.reduceat(steps, tight.starts, axis=0)
                best[tight.trips] = np.minimum(best[tight.trips], least)
            best += add[trips]
            np.minimum(best, INFINITE, out=best)
            np.minimum.accumulate(best, axis=1, out=upto[trips, 1:])
            last[trips] = upto[trips, -1]

    def ends(self) -> tuple[Floats, Ints]:
        """
        The best chain that ends with each trip, and in which vehicle.
        """
        kinds = self.last.argmin(axis=0)
        return self.last[kinds, np.arange(len(kinds))], kinds

    def chain(self, trip: int, kind: int) -> tuple[Chain, float]:
        """
        Follow the labels back from the end, by looking again for what was best there.
        """
        pricer, upto = self.pricer, self.upto[kind]
        slots, width = upto.reshape(-1), upto.shape[1]
        trips, minutes, slot, cost = [trip], 0.0, width - 1, 0.0
        while True:
            # The first of the starts that are as good as the best.
            time = int(np.argmax(upto[trip, 1 : slot + 1] <= upto[trip, slot]))
            minutes += float(pricer.shift[trip, time])
            best, before = float(self._begin[kind, trip]), -1
            loose, tight = pricer.loose.of(trip), pricer.tight.of(trip)
            if loose.stop > loose.start:
                ways = self.last[kind][pricer.loose.before[loose]] + self.loose_cost[loose]
                at = int(ways.argmin())
                if ways[at] < best:
                    best, before = float(ways[at]), int(pricer.loose.before[loose][at])
                    slot, cost = width - 1, float(pricer.loose.cost[loose][at])
            if tight.stop > tight.start:
                places = pricer.slots[tight, time]
                ways = slots[places] + self.tight_cost[tight]
                at = int(ways.argmin())
                if ways[at] < best:
                    before, slot = int(pricer.tight.before[tight][at]), int(places[at]) % width
                    cost = float(pricer.tight.cost[tight][at])
            if before < 0:
                return tuple(reversed(trips)), minutes
            minutes += cost
            trip = before
            trips.append(trip)
