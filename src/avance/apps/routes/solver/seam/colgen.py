"""
Column generation over the seam. Pieces are half as long as buses and far fewer kinds of them are good, so it settles many times sooner; the
prices of trips that it ends with are as good for whole buses.
"""

from collections.abc import Callable, Iterable

import numpy as np

from avance.apps.routes.solver.chain import Chain, minutes_of
from avance.apps.routes.solver.colgen import PRECISE, SMOOTHING, Stop
from avance.apps.routes.solver.seam.master import Prices, SeamMaster, Solved
from avance.apps.routes.solver.seam.pricing import better
from avance.apps.routes.solver.seam.problem import NEVER, Link, Piece, Seam

ROUNDS_MAX = 400
NEIGHBOURS = 5
"""Links of each trip that are there from the beginning."""
LEAST_SHARE = 1e-7


class SeamRelaxation:
    """
    The linear program over all pieces and links of a block.
    """

    def __init__(self, seam: Seam, *, buses_min: int) -> None:
        self._seam = seam
        self._buses_min = buses_min
        self.master = SeamMaster(seam, buses_min)
        self.rounds = 0
        self.bound = 0.0
        """By pieces and links alone; what the prices show of whole buses is never less."""
        self.prices: Prices | None = None
        """Those that gave the bound."""
        self.is_converged = False
        self._is_once = False
        self.sow([(trip,) for trip in range(seam.block.size)])
        self._take_nearest()

    def sow(self, chains: Iterable[Chain]) -> None:
        """
        Take in the pieces and links of these.
        """
        seam, pieces, links = self._seam, dict[Piece, float](), []
        for chain in chains:
            before, after = seam.cut(chain)
            for kind in seam.kinds_of(chain):
                for part in (before, after):
                    if part and (piece := Piece(kind, part)) not in pieces:
                        pieces[piece] = minutes_of(seam.block, part)
                if before and after:
                    links.append(Link(kind, before[-1], after[0]))
        self.master.take_pieces(pieces)
        self.master.take_links(links)

    def need(self, buses: int) -> None:
        """
        No plan has fewer buses.
        """
        self._buses_min = buses
        self.is_converged = False
        self.master.need(buses)

    def run(self, *, buses_max: int, stop: Stop, tell: Callable[[float, float], None]) -> None:
        """
        Go on until nothing better exists.

        Args:
            buses_max: A plan with so many is known.
            tell: Called after each round with the bound so far and the value that it approaches.
        """
        while not self.is_converged and self.rounds < ROUNDS_MAX and not stop():
            self.rounds += 1
            solved = self.master.solve()
            has_more = self._price(solved, buses_max)
            tell(self.bound, solved.value)
            if has_more and solved.value - self.bound >= PRECISE:
                continue
            # As with whole buses, prices settle sooner while none is below 0.
            self.is_converged = self._is_once
            if not self._is_once:
                self._is_once = True
                self.master.cover_once()

    def chains(self) -> list[Chain]:
        """
        Whole buses of which the solution is made.
        """
        solved = self.master.solve()
        begun: dict[tuple[int, int], list[tuple[Chain, float]]] = {}
        ended: dict[tuple[int, int], list[tuple[Chain, float]]] = {}
        links: list[tuple[Link, float]] = []
        for number in np.flatnonzero(solved.shares > LEAST_SHARE).tolist():
            column, share = self.master.columns[number], float(solved.shares[number])
            if isinstance(column, Link):
                links.append((column, share))
            else:
                door = self._seam.door(column)
                side = ended if self._seam.is_later[door] else begun
                side.setdefault((column.kind, door), []).append((column.chain, share))
        whole = [
            chain
            for link, share in links
            for chain in _joined(
                begun.get((link.kind, link.before), []),
                ended.get((link.kind, link.after), []),
                share,
            )
        ]
        rest = [chain for side in (begun, ended) for parts in side.values() for chain, _ in parts]
        return list(dict.fromkeys([*whole, *rest]))

    def _price(self, solved: Solved, buses_max: int) -> bool:
        """
        Better columns at prices between the best known and the present ones; whether there are any.
        """
        exact = solved.prices
        smooth = [] if self.prices is None else [exact.towards(self.prices, SMOOTHING)]
        for prices in (*smooth, exact):
            found = better(self._seam, prices, below=-PRECISE)
            bound = float(prices.trips.sum()) + self._buses_min * prices.bus
            bound += buses_max * found.least
            if self.prices is None or bound > self.bound:
                self.bound, self.prices = bound, prices
            has_pieces = self.master.take_pieces(found.pieces)
            if self.master.take_links(found.links) or has_pieces:
                return True
        return False

    def _take_nearest(self) -> None:
        """
        The cheapest links of each trip.
        """
        cost = self._seam.cost
        for axis in (1, 2):
            places = np.argsort(cost, axis=axis, kind="stable")
            nearest = np.take(places, range(min(NEIGHBOURS, cost.shape[axis])), axis=axis)
            is_near = np.zeros(cost.shape, dtype=bool)
            np.put_along_axis(is_near, nearest, values=True, axis=axis)
            self.master.take_links(
                self._seam.links_at(np.argwhere(is_near & (cost < NEVER)).tolist())
            )


def _joined(
    before: list[tuple[Chain, float]], after: list[tuple[Chain, float]], share: float
) -> list[Chain]:
    """
    So much of what ends at a door with as much of what begins behind it; what is used is taken away.
    """
    joined = []
    while share > LEAST_SHARE and before and after:
        (one, has), (other, needs) = before.pop(), after.pop()
        used = min(share, has, needs)
        joined.append(one + other)
        share -= used
        if has - used > LEAST_SHARE:
            before.append((one, has - used))
        if needs - used > LEAST_SHARE:
            after.append((other, needs - used))
    return joined
