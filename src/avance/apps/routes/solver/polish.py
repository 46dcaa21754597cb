"""
Even load: trips go from long buses to short ones where it costs little. It never adds a bus.
"""

from collections.abc import Sequence

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import Chain, is_feasible, minutes_of

SPREAD_WANTED = 2
MOVES_MAX = 40


def rebalance(block: Block, plan: Sequence[Chain], *, minutes_max: float) -> list[Chain]:
    """
    Move single trips until the loads are even enough or a move costs too much.

    Args:
        minutes_max: What one move may cost.
    """
    buses = list(plan)
    for _ in range(MOVES_MAX):
        longest = max(len(bus) for bus in buses)
        if longest - min(len(bus) for bus in buses) <= SPREAD_WANTED:
            break
        move = _best_move(block, buses, longest)
        if move is None or move[0] > minutes_max:
            break
        _, source, without, target, longer = move
        buses[source], buses[target] = without, longer
    return buses


def _best_move(
    block: Block, buses: Sequence[Chain], longest: int
) -> tuple[float, int, Chain, int, Chain] | None:
    best: tuple[float, int, Chain, int, Chain] | None = None
    minutes = [minutes_of(block, bus) for bus in buses]
    for source, bus in enumerate(buses):
        if len(bus) < longest:
            continue
        for place in range(len(bus)):
            without = bus[:place] + bus[place + 1 :]
            if not is_feasible(block, without):
                continue
            saved = minutes[source] - minutes_of(block, without)
            for target, other in enumerate(buses):
                if len(other) > longest - 2:
                    continue
                for at in range(len(other) + 1):
                    longer = (*other[:at], bus[place], *other[at:])
                    if is_feasible(block, longer):
                        cost = minutes_of(block, longer) - minutes[target] - saved
                        if best is None or cost < best[0]:
                            best = (cost, source, without, target, longer)
    return best
