"""
Even load: trips go from long buses to short ones where it costs little. It never adds a bus.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import is_feasible, minutes_of
from avance.apps.routes.solver.depots.yard import Duty, Yard

SPREAD_WANTED = 2
MOVES_MAX = 40


class Judge(Protocol):
    """
    What a bus may drive, and what that costs.
    """

    def may_drive(self, bus: Duty, /) -> bool: ...

    def cost_of(self, bus: Duty, /) -> float: ...


class AnyBus:
    """
    Of no kind, and without a depot.
    """

    def __init__(self, block: Block) -> None:
        self._block = block

    def may_drive(self, bus: Duty, /) -> bool:
        return is_feasible(self._block, bus[1])

    def cost_of(self, bus: Duty, /) -> float:
        return minutes_of(self._block, bus[1])


class OfYard:
    """
    Of the kinds that there are.
    """

    def __init__(self, block: Block, yard: Yard) -> None:
        self._block, self._yard = block, yard

    def may_drive(self, bus: Duty, /) -> bool:
        return self._yard.may_drive(self._block, bus)

    def cost_of(self, bus: Duty, /) -> float:
        return self._yard.cost_of(self._block, bus)


def rebalance(judge: Judge, plan: Sequence[Duty], *, minutes_max: float) -> list[Duty]:
    """
    Move single trips until the loads are even enough or a move costs too much.

    Args:
        minutes_max: What one move may cost.
    """
    buses = list(plan)
    for _ in range(MOVES_MAX):
        loads = [len(chain) for _, chain in buses]
        if not buses or max(loads) - min(loads) <= SPREAD_WANTED:
            break
        move = _best_move(judge, buses, max(loads))
        if move is None or move[0] > minutes_max:
            break
        _, source, without, target, longer = move
        buses[source], buses[target] = without, longer
    return buses


def _best_move(
    judge: Judge, buses: Sequence[Duty], longest: int
) -> tuple[float, int, Duty, int, Duty] | None:
    best: tuple[float, int, Duty, int, Duty] | None = None
    costs = [judge.cost_of(bus) for bus in buses]
    for source, (kind, chain) in enumerate(buses):
        if len(chain) < longest:
            continue
        for place, trip in enumerate(chain):
            without = (kind, chain[:place] + chain[place + 1 :])
            if not judge.may_drive(without):
                continue
            saved = costs[source] - judge.cost_of(without)
            for target, other in enumerate(buses):
                if len(other[1]) > longest - 2:
                    continue
                for longer in _with(other, trip):
                    if judge.may_drive(longer):
                        cost = judge.cost_of(longer) - costs[target] - saved
                        if best is None or cost < best[0]:
                            best = (cost, source, without, target, longer)
    return best


def _with(bus: Duty, trip: int) -> Iterator[Duty]:
    """
    The trip at each place of the bus.
    """
    kind, chain = bus
    for at in range(len(chain) + 1):
        yield kind, (*chain[:at], trip, *chain[at:])
