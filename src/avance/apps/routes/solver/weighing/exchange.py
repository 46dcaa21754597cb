"""
Long days and uneven loads: what all buses drive between two times of day is taken out of them and given to them anew, as cheaply as can be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from avance.apps.routes.solver.block import Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain, best_starts, minutes_of
from avance.apps.routes.solver.depots.yard import Duty, Yard
from avance.apps.routes.solver.weighing.problem import HOUR, Weighing

CUTS_MAX = 12
WIDEST = 3
"""Cuts from the begin of a window to its end; beside these, all that comes after a cut is one."""
ROUNDS_MAX = 4
FORBIDDEN = 1e12
LESS = 1e-6
NEVER_S = 10**9
Plans = list[tuple[Block, Yard, list[Duty]]]


def evened_out(weighing: Weighing, plans: Plans) -> Plans:
    """
    No plan that comes of it costs more.
    """
    best, cost = plans, weighing.cost_of(plans)
    for _ in range(ROUNDS_MAX):
        before = cost
        for place, (block, _, _) in enumerate(plans):
            for begin_s, end_s in _windows(block):
                tried = _exchanged(weighing, best, place, begin_s, end_s)
                new = weighing.cost_of(tried)
                if new < cost - LESS:
                    best, cost = tried, new
        if cost == before:
            break
    return best


def _windows(block: Block) -> Iterator[tuple[int, int]]:
    """
    Between times of day that have about as many starts between them.
    """
    shares = np.arange(1, CUTS_MAX + 1) / (CUTS_MAX + 1)
    cuts: list[int] = np.unique(np.quantile(block.nominal, shares).astype(np.int64)).tolist()
    for place, begin_s in enumerate(cuts):
        for end_s in (*cuts[place + 1 : place + 1 + WIDEST], NEVER_S):
            yield begin_s, end_s


def _exchanged(weighing: Weighing, plans: Plans, place: int, begin_s: int, end_s: int) -> Plans:
    block, yard, duties = plans[place]
    loads = [len(chain) for _, _, plan in plans for _, chain in plan]
    mean = sum(loads) / len(loads) if loads else 0.0
    window = _Window(weighing, block, yard, duties, (begin_s, end_s))
    return [*plans[:place], (block, yard, window.joined(mean)), *plans[place + 1 :]]


@dataclass(frozen=True)
class _Parts:
    """
    One part of each bus at the best times that it has alone; 0 where there is nothing of it.
    """

    chains: list[Chain]
    count: Ints
    first: Ints
    last: Ints
    begin_s: Floats
    end_s: Floats
    inner: Floats
    """What is driven inside it costs this."""
    low: Floats
    high: Floats

    @property
    def is_there(self) -> Bools:
        is_there: Bools = self.count > 0
        return is_there


class _Window:
    """
    Rows are vehicles with their mornings and evenings, columns what is between.
    """

    def __init__(
        self,
        weighing: Weighing,
        block: Block,
        yard: Yard,
        duties: Sequence[Duty],
        times_s: tuple[int, int],
    ) -> None:
        self._weighing, self._block, self._yard = weighing, block, yard
        self._duties = duties
        self._kinds: Ints = np.array([kind for kind, _ in duties], dtype=np.int64)
        cut = [_cut(block, chain, times_s) for _, chain in duties]
        self._heads, self._mids, self._tails = (
            _parts(block, [parts[number] for parts in cut]) for number in range(3)
        )

    def joined(self, mean: float) -> list[Duty]:
        if not self._duties:
            return []
        cost = np.where(self._may_join(), self._costs(mean), FORBIDDEN)
        rows, columns = linear_sum_assignment(cost)
        heads, mids, tails = self._heads.chains, self._mids.chains, self._tails.chains
        joined = [
            (int(self._kinds[row]), heads[row] + mids[column] + tails[row])
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        return [(kind, chain) for kind, chain in joined if chain]

    def _may_join(self) -> Bools:
        """
        Where the best times of the parts alone are in time for each other they are the best of the whole. And each bus as it is.
        """
        heads, mids, tails = self._heads, self._mids, self._tails
        has_head, has_mid, has_tail = heads.is_there, mids.is_there, tails.is_there
        before = self._follows(heads, mids) | ~has_head[:, None]
        after = self._follows(mids, tails).T | ~has_tail[:, None]
        alone = np.diag(self._follows(heads, tails)) | ~has_head | ~has_tail
        may: Bools = np.where(has_mid[None, :], before & after, alone[:, None])
        low = np.maximum(np.maximum(heads.low, tails.low)[:, None], mids.low[None, :])
        high = np.minimum(np.minimum(heads.high, tails.high)[:, None], mids.high[None, :])
        may &= (low <= high) & self._mid_fits()
        np.fill_diagonal(may, val=True)
        return may

    def _follows(self, a: _Parts, b: _Parts) -> Bools:
        block = self._block
        end, begin = a.last[:, None], b.first[None, :]
        in_time = a.end_s[:, None] + block.gap[end, begin] <= b.begin_s[None, :]
        follows: Bools = in_time & block.links[end, begin]
        return follows

    def _mid_fits(self) -> Bools:
        fits = [
            self._yard.fits[:, np.array(chain, dtype=np.int64)].all(axis=1)
            for chain in self._mids.chains
        ]
        of_row: Bools = np.array(fits).T[self._kinds]
        return of_row

    def _costs(self, mean: float) -> Floats:
        heads, mids, tails = self._heads, self._mids, self._tails
        weighing, yard, cost = self._weighing, self._yard, self._block.cost
        has_head, has_tail = heads.is_there[:, None], tails.is_there[:, None]
        has_mid = mids.is_there[None, :]
        first = np.where(has_head, heads.first[:, None], np.where(has_mid, mids.first[None, :], tails.first[:, None]))  # fmt: skip
        last = np.where(has_tail, tails.last[:, None], np.where(has_mid, mids.last[None, :], heads.last[:, None]))  # fmt: skip
        begin_s = np.where(has_head, heads.begin_s[:, None], np.where(has_mid, mids.begin_s[None, :], tails.begin_s[:, None]))  # fmt: skip
        end_s = np.where(has_tail, tails.end_s[:, None], np.where(has_mid, mids.end_s[None, :], heads.end_s[:, None]))  # fmt: skip
        into = np.where(has_head & has_mid, cost[heads.last[:, None], mids.first[None, :]], 0.0)
        out_of = np.where(has_mid & has_tail, cost[mids.last[None, :], tails.first[:, None]], 0.0)
        past = np.where(~has_mid & has_head & has_tail, cost[heads.last, tails.first][:, None], 0.0)
        kinds = self._kinds[:, None]
        whole = (heads.inner + tails.inner)[:, None] + mids.inner[None, :] + into + out_of + past
        whole = whole + yard.out[kinds, first] + yard.back[kinds, last]
        if weighing.out_s.size:
            begin_s = begin_s - weighing.out_s[kinds, first]
            end_s = end_s + weighing.back_s[kinds, last]
        over_h = np.maximum(0.0, end_s - begin_s - weighing.duty_s) / HOUR
        loads = (heads.count + tails.count)[:, None] + mids.count[None, :]
        whole = whole + weighing.overtime_hour * over_h + weighing.load * np.abs(loads - mean)
        whole = np.where(has_head | has_mid | has_tail, whole, 0.0)
        for row, duty in enumerate(self._duties):
            # As it is, its times may be those of no part alone.
            as_it_is = weighing.cost_of([(self._block, yard, [duty])])
            whole[row, row] = as_it_is + weighing.load * abs(len(duty[1]) - mean)
        return whole


def _cut(block: Block, chain: Chain, times_s: tuple[int, int]) -> tuple[Chain, Chain, Chain]:
    begin = next((at for at, t in enumerate(chain) if block.nominal[t] >= times_s[0]), len(chain))
    end = next(
        (at for at, t in enumerate(chain) if at >= begin and block.nominal[t] >= times_s[1]),
        len(chain),
    )
    return chain[:begin], chain[begin:end], chain[end:]


def _parts(block: Block, chains: list[Chain]) -> _Parts:
    starts = [best_starts(block, chain)[0] if chain else [0] for chain in chains]
    last = np.array([chain[-1] if chain else 0 for chain in chains], dtype=np.int64)
    ends = np.array([at[-1] for at in starts]) + block.duration[last]
    low = [max((float(block.low[t]) for t in chain), default=-np.inf) for chain in chains]
    high = [min((float(block.high[t]) for t in chain), default=np.inf) for chain in chains]
    return _Parts(
        chains=chains,
        count=np.array([len(chain) for chain in chains], dtype=np.int64),
        first=np.array([chain[0] if chain else 0 for chain in chains], dtype=np.int64),
        last=last,
        begin_s=np.array([at[0] for at in starts], dtype=np.float64),
        end_s=ends.astype(np.float64),
        inner=np.array([minutes_of(block, chain) if chain else 0.0 for chain in chains]),
        low=np.array(low),
        high=np.array(high),
    )
