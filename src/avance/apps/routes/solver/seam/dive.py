"""
From shares of pieces to whole ones. Links need no decision: once all pieces are settled, matching joins them best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from avance.apps.routes.solver.block import Block, Bools, Floats
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.colgen import Stop
from avance.apps.routes.solver.cover import INFINITE
from avance.apps.routes.solver.seam.master import SeamMaster
from avance.apps.routes.solver.seam.pricing import better
from avance.apps.routes.solver.seam.problem import Piece, Seam

SURE = 0.95
SHARE_LEAST = 1e-6
ROUNDS_MAX = 40
CALM_ROUNDS = 2
COUNT_MAX = 40


@dataclass(frozen=True, kw_only=True)
class SeamCare:
    """
    How much is decided at once, and how exact the prices are between two decisions.
    """

    share: float
    calm: float
    """Rounds that gain less are enough."""


QUICK = SeamCare(share=0.05, calm=1.0)
CAREFUL = SeamCare(share=0.01, calm=0.1)


def dive(
    seam: Seam, master: SeamMaster, *, stop: Stop, tell: Callable[[float], None], care: SeamCare
) -> list[Chain]:
    """
    Settle the pieces that the linear program is surest of, price what is left, and so on; then the program is as it was, with more columns.
    """
    return _Dive(seam, master, care).run(stop, tell)


class _Dive:
    def __init__(self, seam: Seam, master: SeamMaster, care: SeamCare) -> None:
        self._seam = seam
        self._master = master
        self._care = care
        self._is_open: Bools = np.ones(seam.block.size, dtype=bool)
        self._limited: list[int] = []
        self._seen = 0
        self._left: list[int] = []
        """Columns of pieces of which every trip is open."""

    def run(self, stop: Stop, tell: Callable[[float], None]) -> list[Chain]:
        chosen: list[Chain] = []
        while self._is_open.any() and not stop():
            shares = self._few_rounds(stop)
            numbers = self._surest(shares)
            chosen += [self._master.chain_of(number) for number in numbers]
            self._settle(numbers)
            tell(1 - float(self._is_open.mean()))
        self._master.limit(self._limited, 0.0, INFINITE)
        left = [(trip,) for trip in np.flatnonzero(self._is_open).tolist()]
        return [*joined(self._seam, chosen), *left]

    def _few_rounds(self, stop: Stop) -> Floats:
        master, before, calm = self._master, np.inf, 0
        for _ in range(ROUNDS_MAX):
            solved = master.solve()
            calm = calm + 1 if before - solved.value < self._care.calm else 0
            before = solved.value
            if stop() or calm >= CALM_ROUNDS:
                break
            found = better(
                self._seam, solved.prices, below=-1e-2, count_max=COUNT_MAX, is_open=self._is_open
            )
            has_pieces = master.take_pieces(found.pieces)
            if not master.take_links(found.links) and not has_pieces:
                break
        return solved.shares

    def _surest(self, shares: Floats) -> list[int]:
        """
        Pieces that are nearly whole, and at least some of the largest; each trip once.
        """
        self._grow()
        some = [number for number in self._left if shares[number] > SHARE_LEAST]
        atleast = max(1, round(self._care.share * len(some)))
        chosen: list[int] = []
        for number in sorted(some, key=lambda one: -shares[one]):
            if shares[number] < SURE and len(chosen) >= atleast:
                break
            trips = list(self._master.chain_of(number))
            if self._is_open[trips].all():
                self._is_open[trips] = False
                chosen.append(number)
        return chosen

    def _settle(self, numbers: list[int]) -> None:
        is_whole = set(numbers)
        closed = [n for n in self._left if n not in is_whole and not self._is_all_open(n)]
        self._left = [n for n in self._left if n not in is_whole and self._is_all_open(n)]
        self._master.limit(numbers, 1.0, 1.0)
        self._master.limit(closed, 0.0, 0.0)
        self._limited += [*numbers, *closed]

    def _grow(self) -> None:
        columns = self._master.columns
        self._left += [
            number
            for number in range(self._seen, len(columns))
            if isinstance(columns[number], Piece) and self._is_all_open(number)
        ]
        self._seen = len(columns)

    def _is_all_open(self, number: int) -> bool:
        return bool(self._is_open[list(self._master.chain_of(number))].all())


def joined(seam: Seam, pieces: Sequence[Chain]) -> list[Chain]:
    """
    The best buses of these pieces.
    """
    block = seam.block
    before = [piece for piece in pieces if not seam.is_later[piece[0]]]
    after = [piece for piece in pieces if seam.is_later[piece[0]]]
    ends, begins = [piece[-1] for piece in before], [piece[0] for piece in after]
    square = np.ix_(ends, begins)
    (low, high), (least, most) = _seats(block, before), _seats(block, after)
    fits = (low[:, None] <= most[None, :]) & (least[None, :] <= high[:, None])
    saved = np.where(block.links[square] & fits, block.cost[square] - seam.bus_cost, 0.0)
    rows, columns = linear_sum_assignment(np.minimum(saved, 0.0))
    follows = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if saved[i, j] < 0}
    rest = [piece for j, piece in enumerate(after) if j not in set(follows.values())]
    buses = [piece + after[follows[i]] if i in follows else piece for i, piece in enumerate(before)]
    return [*buses, *rest]


def _seats(block: Block, pieces: Sequence[Chain]) -> tuple[Floats, Floats]:
    """
    The window that each piece leaves.
    """
    low = np.array([block.low[list(piece)].max() for piece in pieces])
    high = np.array([block.high[list(piece)].min() for piece in pieces])
    return low, high
