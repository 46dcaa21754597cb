"""
The linear program of buses alone. With minutes in it, prices that are best for the whole may prove a bus less than those that are best for
the count: then only this program shows that one more is needed.
"""

import math

from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.colgen import Stop
from avance.apps.routes.solver.cover import Cover
from avance.apps.routes.solver.master import Pool
from avance.apps.routes.solver.pricing import Pricer

ROUNDS_MAX = 60
ROUNDING = 1e-6


class _Counted:
    """
    Chains of a pool, one bus each.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def trips_of(self, number: int, /) -> Chain:
        return self._pool.chains[number]

    def kind_of(self, number: int, /) -> int | None:
        return None

    def cost_of(self, number: int, /) -> float:
        return 1.0

    def stays(self, number: int, /) -> bool:
        return self._pool.stays(number)


def buses_needed(pool: Pool, pricer: Pricer, known: int, stop: Stop) -> int:
    """
    At least `known`, which are needed in any case; the pool grows.
    """
    size = pool.block.size
    cover = Cover(_Counted(pool), size)
    cover.take(range(len(pool)))
    for _ in range(ROUNDS_MAX):
        solved = cover.solve()
        if stop() or solved.value <= known + ROUNDING:
            # No prices prove more than what the buses of this program come to.
            break
        prices = solved.prices.clip(min=0.0)
        least, found = pricer.price(
            prices, bus_cost=1.0, minutes_weight=0.0, count_max=max(60, size // 2), below=-ROUNDING
        )
        # Scaled so that no chain is worth more than one bus, the prices add up to a bound (Farley).
        shown = math.ceil(float(prices.sum()) / max(1.0, 1.0 - least) - ROUNDING)
        if shown > known:
            return shown
        cover.trim()
        if not cover.take(pool.add(one.chain for one in found)):
            break
    return known
