"""
A long day in two, where it is calmest: each half is a far smaller linear program, and matching joins the buses of the one to those of the
other.
"""

import numpy as np

from avance.apps.routes.solver.block import Block, Ints
from avance.apps.routes.solver.bounds import matching_bound
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.colgen import Relaxation, Stop, dive
from avance.apps.routes.solver.count import buses_needed
from avance.apps.routes.solver.master import BUS_COST, Pool
from avance.apps.routes.solver.matching import first_plan, join
from avance.apps.routes.solver.pricing import Pricer

TRIPS_MIN = 150
"""Below this the whole is solved in a second or two."""
SHARE_MIN = 0.2
"""Of all trips, in the smaller half."""
GAPS = (BUS_COST / 10, BUS_COST / 50, BUS_COST / 500)
"""How near the bound the prices are when a dive is tried."""


class Halves:
    """
    Both halves of a block, better with each step.
    """

    def __init__(self, block: Block, earlier: Ints, later: Ints) -> None:
        self._block = block
        self._halves = (_Half(block, earlier), _Half(block, later))

    @property
    def bound(self) -> int:
        """
        A bus has what it drives in one half one after the other, so the whole takes as many buses as the half that takes more.
        """
        return max(half.bound for half in self._halves)

    def improve(self, gap: float, stop: Stop) -> list[Chain]:
        """
        Go on in both halves until their bounds are so near, and join what was found.
        """
        enough = self.bound
        for half in self._halves:
            # Where the other half takes more buses anyhow, saving one here saves none.
            if len(half.plan) > enough:
                half.improve(gap, stop)
            enough = max(enough, half.bound)
        return join(self._block, [chain for half in self._halves for chain in half.whole()])


class _Half:
    def __init__(self, block: Block, trips: Ints) -> None:
        self._trips = trips
        part = block.part(trips)
        found = matching_bound(part)
        self.plan = first_plan(part)
        self._pool = Pool(part)
        self._pool.add((trip,) for trip in range(part.size))
        self._pool.add(self.plan)
        self._pricer = Pricer(part)
        self._relaxation = Relaxation(
            self._pool,
            self._pricer,
            buses_min=found.buses,
            certificate=found.certificate.tolist(),
        )
        self.bound = found.buses

    def improve(self, gap: float, stop: Stop) -> None:
        self._relaxation.run(
            gap=gap, buses_max=len(self.plan), stop=stop, tell=lambda seen, value: None
        )
        if self._pool.block.is_grid_exact:
            self.bound = max(self.bound, self._relaxation.seen.buses)
        if len(self.plan) > self.bound:
            plan = dive(self._pool, self._pricer, stop=stop, tell=lambda share: None)
            self.plan = min(self.plan, plan, key=len)
        if self._pool.block.is_grid_exact and len(self.plan) > self.bound:
            self.bound = buses_needed(self._pool, self._pricer, self.bound, stop)

    def whole(self) -> list[Chain]:
        """
        The plan in numbers of the whole block.
        """
        return [tuple(self._trips[list(chain)].tolist()) for chain in self.plan]


def halves_of(block: Block, *, trips_min: int = TRIPS_MIN) -> Halves | None:
    """
    None where no cut leaves every bus an earlier and a later part.
    """
    cut = cut_of(block, trips_min)
    return None if cut is None else Halves(block, *cut)


def cut_of(block: Block, trips_min: int) -> tuple[Ints, Ints] | None:
    """
    Earlier and later trips, cut where the fewest are on their way.
    """
    if block.size < trips_min:
        return None
    begins, ends = block.nominal, block.nominal + block.duration
    least = max(1, round(SHARE_MIN * block.size))
    for cut in sorted(
        np.unique(begins).tolist(),
        key=lambda at: (int(((begins < at) & (ends > at)).sum()), abs(int((2 * (begins < at) - 1).sum()))),
    ):  # fmt: skip
        earlier, later = np.flatnonzero(begins < cut), np.flatnonzero(begins >= cut)
        if min(len(earlier), len(later)) < least:
            continue
        goes_back = block.links[np.ix_(later, earlier)].any()
        return None if goes_back else (earlier, later)
    return None
