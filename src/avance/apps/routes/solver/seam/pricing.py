"""
Better pieces and links at given prices.
"""

from dataclasses import dataclass

import numpy as np

from avance.apps.routes.solver.block import Bools, Floats
from avance.apps.routes.solver.chain import minutes_of
from avance.apps.routes.solver.seam.master import Prices
from avance.apps.routes.solver.seam.problem import Link, Piece, Seam, Side

LINKS_OF_TRIP_MAX = 3
"""New ones of one call."""


@dataclass(frozen=True, kw_only=True)
class Better:
    """
    What costs less than its prices.
    """

    least: float
    """No bus costs less than this over its prices; never above 0."""
    pieces: dict[Piece, float]
    """With their minutes."""
    links: list[Link]


def better(
    seam: Seam,
    prices: Prices,
    *,
    below: float,
    count_max: int | None = None,
    is_open: Bools | None = None,
) -> Better:
    """
    What would make the program cheaper.

    Args:
        below: Only what is so much cheaper.
        count_max: Pieces of each side and kind; by default half as many as it has trips.
        is_open: Trips that may be used.
    """
    least, pieces = 0.0, {}
    for side in (seam.earlier, seam.later):
        begin, finish = ends_of(seam, side, prices)
        leasts, found = side.pricer.price_kinds(
            prices.trips[side.trips],
            begin,
            finish,
            is_open=None if is_open is None else is_open[side.trips],
            count_max=max(60, len(side.trips) // 2) if count_max is None else count_max,
            below=below,
        )
        least += min(0.0, float(leasts.min()))
        is_counted = seam.block.unit_s is not None
        for kind, one in found:
            piece = Piece(kind, tuple(side.trips[list(one.chain)].tolist()))
            pieces[piece] = one.minutes if is_counted else minutes_of(seam.block, piece.chain)
    reduced = reduced_links(seam, prices)
    least += min(0.0, float(reduced.min()))
    return Better(least=least, pieces=pieces, links=_cheapest(seam, reduced, below))


def ends_of(seam: Seam, side: Side, prices: Prices) -> tuple[Floats, Floats]:
    """
    [kind, trip of the side]: what it costs to begin a piece with this trip, and to end it.
    """
    doors = prices.doors[:, side.trips]
    begin, nothing = np.full(doors.shape, seam.bus_cost - prices.bus), np.zeros(doors.shape)
    return (begin, -doors) if side is seam.earlier else (begin - doors, nothing)


def reduced_links(seam: Seam, prices: Prices) -> Floats:
    """
    [kind, earlier, later]: what each link costs over its prices.
    """
    before = prices.doors[:, seam.earlier.trips, None]
    reduced: Floats = seam.cost - (seam.bus_cost - prices.bus) + before
    reduced += prices.doors[:, None, seam.later.trips]
    return reduced


def _cheapest(seam: Seam, reduced: Floats, below: float) -> list[Link]:
    places = np.argwhere(reduced < below)
    order = np.argsort(reduced[tuple(places.T)], kind="stable")
    uses = np.zeros((seam.kinds, seam.block.size), dtype=np.int64)
    chosen = []
    for link in seam.links_at(places[order].tolist()):
        ends = uses[link.kind, [link.before, link.after]]
        if ends.max() < LINKS_OF_TRIP_MAX:
            uses[link.kind, [link.before, link.after]] += 1
            chosen.append(link)
    return chosen
