"""
The best whole plan of pieces and links that are near to the prices: a plan that costs little more than the bound is made of these alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avance.apps.routes.solver.chain import Chain, minutes_of
from avance.apps.routes.solver.choice import Choice, whole_choice
from avance.apps.routes.solver.cover import INFINITE, quiet_solver
from avance.apps.routes.solver.nearest import Asked, nearest
from avance.apps.routes.solver.seam.master import (
    Column,
    Prices,
    SeamMaster,
    add_seam_columns,
    add_seam_rows,
)
from avance.apps.routes.solver.seam.pricing import ends_of, reduced_links
from avance.apps.routes.solver.seam.problem import Link, Piece, Seam, Side

PIECES_MAX = 2_000
"""Of each side: of so many the best plan is mostly found in time."""
LINKS_PER_PIECE = 4


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """
    What came of it.
    """

    plan: list[Chain] | None
    """None where nothing better was found."""
    is_best: bool
    """Of all plans whose pieces and links are each nearer than the gap, none is better than this, or than the one known."""
    gap: float
    """0 where not all that are near could be looked at."""


def select(
    seam: Seam,
    master: SeamMaster,
    prices: Prices,
    plan: Sequence[Chain],
    *,
    gap: float,
    buses: int | None,
    work_s: float,
    seed: int,
    pieces_max: int = PIECES_MAX,
) -> Chosen:
    """
    The plan of least cost.

    Args:
        gap: How much dearer than the bound this plan is.
        buses: No plan has fewer, and one that has more is not wanted; without, whatever number costs least.
        pieces_max: Of each side.
    """
    minutes = {
        column: cost - seam.bus_cost
        for column, cost in zip(master.columns, master.costs, strict=True)
        if isinstance(column, Piece)
    }
    among = _among(seam, prices, minutes, gap, pieces_max)
    choice = _choose(seam, among, minutes, plan, buses, work_s, seed)
    return Chosen(plan=choice.parts, is_best=choice.is_best, gap=among.gap)


@dataclass(frozen=True, kw_only=True)
class _Among:
    """
    What there is to choose from.
    """

    pieces: list[Piece]
    links: list[Link]
    gap: float
    """All that are nearer are here; 0 where these are some of too many."""


def _among(
    seam: Seam,
    prices: Prices,
    minutes: dict[Piece, float],
    gap: float,
    pieces_max: int,
) -> _Among:
    sides = [
        _near_pieces(seam, side, prices, minutes, gap, pieces_max)
        for side in (seam.earlier, seam.later)
    ]
    links, links_gap = _near_links(seam, prices, gap, LINKS_PER_PIECE * pieces_max)
    return _Among(
        pieces=[piece for pieces, _ in sides for piece in pieces],
        links=links,
        gap=min(links_gap, *(one for _, one in sides)),
    )


def _near_pieces(
    seam: Seam,
    side: Side,
    prices: Prices,
    minutes: dict[Piece, float],
    gap: float,
    pieces_max: int,
) -> tuple[list[Piece], float]:
    """
    All that are so near, or nearer where these are too many; some of them and no gap where as many are as near as can be.
    """
    begin, finish = ends_of(seam, side, prices)
    known = _reduced(seam, side, prices, minutes)
    asked = Asked(
        prices=prices.trips[side.trips],
        begin=begin,
        finish=finish,
        gap=gap,
        count_max=pieces_max,
    )
    found = nearest(side.pricer, asked, np.array(list(known.values())))
    if not found.gap:
        return sorted(known, key=lambda piece: known[piece])[:pieces_max], 0.0
    pieces = [Piece(kind, tuple(side.trips[list(chain)].tolist())) for kind, chain in found.chains]
    return pieces, min(gap, found.gap)


def _reduced(
    seam: Seam, side: Side, prices: Prices, minutes: dict[Piece, float]
) -> dict[Piece, float]:
    """
    What each piece of a side costs over its prices.
    """
    is_later = side is seam.later
    return {
        piece: seam.bus_cost
        - prices.bus
        + cost
        - float(prices.trips[list(piece.chain)].sum())
        - float(prices.doors[piece.kind, seam.door(piece)])
        for piece, cost in minutes.items()
        if bool(seam.is_later[piece.chain[0]]) is is_later
    }


def _near_links(seam: Seam, prices: Prices, gap: float, links_max: int) -> tuple[list[Link], float]:
    reduced = reduced_links(seam, prices)
    count = int((reduced < gap).sum())
    if count > links_max:
        gap = float(np.partition(reduced, links_max, axis=None)[links_max])
    return seam.links_at(np.argwhere(reduced < gap).tolist()), gap


def _choose(
    seam: Seam,
    among: _Among,
    minutes: dict[Piece, float],
    plan: Sequence[Chain],
    buses: int | None,
    work_s: float,
    seed: int,
) -> Choice[Chain]:
    """
    Among these, and among what the plan known is made of.
    """
    block = seam.block
    pieces, links = dict.fromkeys(among.pieces), dict.fromkeys(among.links)
    for chain in plan:
        before, after = seam.cut(chain)
        kind = seam.kinds_of(chain)[0]
        pieces |= {Piece(kind, part): None for part in (before, after) if part}
        if before and after:
            links[Link(kind, before[-1], after[0])] = None
    # Where the count is known, the smaller numbers are more exact.
    bus_cost = seam.bus_cost if buses is None else 0.0
    costs = [
        *(bus_cost + (minutes.get(one) or minutes_of(block, one.chain)) for one in pieces),
        *(float(block.cost[one.before, one.after]) - bus_cost for one in links),
    ]
    solver = quiet_solver()
    last = add_seam_rows(solver, seam, trips_most=1.0)
    if buses is not None:
        solver.changeRowBounds(last, float(buses), float(buses))
    columns: list[Column] = [*pieces, *links]
    add_seam_columns(solver, seam, columns, np.array(costs), most=1.0)
    is_wanted = buses is None or buses == len(plan)
    value = sum(bus_cost + minutes_of(block, chain) for chain in plan) if is_wanted else INFINITE
    choice = whole_choice(solver, value=value, work_s=work_s, seed=seed)
    parts = None if choice.parts is None else [columns[number] for number in choice.parts]
    plan_found = None if parts is None else _joined(seam, parts)
    return Choice(parts=plan_found, is_best=choice.is_best)


def _joined(seam: Seam, columns: Sequence[Column]) -> list[Chain]:
    after = {one.before: one.after for one in columns if isinstance(one, Link)}
    pieces = [one for one in columns if isinstance(one, Piece)]
    begun = {piece.chain[0]: piece.chain for piece in pieces}
    follows = set(after.values())
    return [
        (*piece.chain, *(begun[after[piece.chain[-1]]] if piece.chain[-1] in after else ()))
        for piece in pieces
        if piece.chain[0] not in follows
    ]
