"""
Where a block can be cut so that pieces before and after are priced apart: no link over the cut cares when its ends are driven.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from avance.apps.routes.solver.block import Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.halves import cut_of
from avance.apps.routes.solver.master import BUS_COST
from avance.apps.routes.solver.pricing import Pricer, unfit_sizes

KINDS_MAX = 4
"""Sizes of vehicle. Pieces are joined within one, so with many the program becomes several times as large."""
NEVER = 1e12
TRIPS_MIN = 40
"""Below this whole buses are quick enough."""


class Piece(NamedTuple):
    """
    What a bus drives before the seam, or after it, in numbers of the whole block.
    """

    kind: int
    chain: Chain


class Link(NamedTuple):
    """
    From the last trip of a piece before the seam to the first of one after it.
    """

    kind: int
    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class Side:
    """
    What is before the seam, or after it.
    """

    trips: Ints
    """In numbers of the whole block."""
    pricer: Pricer


@dataclass(frozen=True, kw_only=True)
class Seam:
    """
    A block in two.
    """

    block: Block
    earlier: Side
    later: Side
    fits: Bools
    """[kind, trip]"""
    cost: Floats
    """[kind, earlier, later]: what a link over the seam costs."""
    is_later: Bools
    bus_cost: float

    @property
    def kinds(self) -> int:
        return len(self.fits)

    def kinds_of(self, trips: Sequence[int]) -> list[int]:
        """
        Those that can drive all of these.
        """
        kinds: list[int] = np.flatnonzero(self.fits[:, list(trips)].all(axis=1)).tolist()
        return kinds

    def cut(self, chain: Chain) -> tuple[Chain, Chain]:
        """
        The part before the seam and the part after it.
        """
        at = len(chain) - int(self.is_later[list(chain)].sum())
        return chain[:at], chain[at:]

    def door(self, piece: Piece) -> int:
        """
        The trip at which it is joined to the other side.
        """
        return piece.chain[0] if self.is_later[piece.chain[0]] else piece.chain[-1]

    def links_at(self, places: Iterable[Sequence[int]]) -> list[Link]:
        """
        Of places in `cost`.
        """
        before, after = self.earlier.trips, self.later.trips
        return [Link(kind, int(before[i]), int(after[j])) for kind, i, j in places]


def seam_of(block: Block, *, bus_cost: float = BUS_COST, trips_min: int = TRIPS_MIN) -> Seam | None:
    """
    None where no cut is calm enough, or where there are too many sizes of vehicle.
    """
    cut = cut_of(block, trips_min)
    unfit = unfit_sizes(block)
    if cut is None or unfit.shape[1] > KINDS_MAX:
        return None
    earlier, later = cut
    square = np.ix_(earlier, later)
    links = block.links[square]
    ends = (block.hi + block.duration)[earlier]
    is_calm = ends[:, None] + block.gap[square] <= block.lo[later][None, :]
    if (links & ~is_calm).any():
        return None
    fits = ~unfit.T
    may = links[None] & fits[:, earlier, None] & fits[:, None, later]
    is_later = np.zeros(block.size, dtype=bool)
    is_later[later] = True
    sides = [Side(trips=trips, pricer=Pricer(block.part(trips), unfit[trips])) for trips in cut]
    return Seam(
        block=block,
        earlier=sides[0],
        later=sides[1],
        fits=fits,
        cost=np.where(may, block.cost[square][None], NEVER),
        is_later=is_later,
        bus_cost=bus_cost,
    )
