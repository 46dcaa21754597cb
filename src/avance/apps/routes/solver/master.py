"""
The linear program over chains: cover every trip at the least cost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from avance.apps.routes.solver.block import Block, Floats
from avance.apps.routes.solver.chain import Chain, minutes_of
from avance.apps.routes.solver.choice import Choice, best_choice
from avance.apps.routes.solver.cover import Cover, Solved
from avance.apps.routes.solver.pricing import Priced

BUS_COST = 1e5
"""Far more than all minutes of a bus, so that fewer buses come first."""


class Pool:
    """
    All chains that were ever found for a block, each once, with their minutes.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.chains: list[Chain] = []
        self.minutes: list[float] = []
        self._known: dict[Chain, int] = {}

    def __len__(self) -> int:
        return len(self.chains)

    def add(self, chains: Iterable[Chain]) -> list[int]:
        """
        Their numbers.
        """
        return [
            number
            if (number := self._known.get(chain)) is not None
            else self._append(chain, minutes_of(self.block, chain))
            for chain in chains
        ]

    def add_priced(self, found: Iterable[Priced]) -> list[int]:
        """
        What the pricing found, which has counted the minutes where its grid holds the best start times: the numbers of all of them.
        """
        is_counted = self.block.unit_s is not None
        numbers = []
        for one in found:
            number = self._known.get(one.chain)
            if number is None:
                minutes = one.minutes if is_counted else minutes_of(self.block, one.chain)
                number = self._append(one.chain, minutes)
            numbers.append(number)
        return numbers

    def _append(self, chain: Chain, minutes: float) -> int:
        number = self._known[chain] = len(self.chains)
        self.chains.append(chain)
        self.minutes.append(minutes)
        return number

    def trips_of(self, number: int, /) -> Chain:
        return self.chains[number]

    def kind_of(self, number: int, /) -> int | None:
        return None

    def cost_of(self, number: int, /) -> float:
        return BUS_COST + self.minutes[number]

    def stays(self, number: int, /) -> bool:
        return len(self.chains[number]) == 1

    def reduced(self, prices: Floats, bus_price: float) -> Floats:
        """
        Of each chain: what it costs over the prices of its trips.
        """
        paid = np.array([float(prices[list(chain)].sum()) for chain in self.chains])
        reduced: Floats = BUS_COST + np.array(self.minutes) - paid - bus_price
        return reduced

    def minutes_of_plan(self, plan: Sequence[Chain]) -> float:
        self.add(plan)
        return sum(self.minutes[self._known[chain]] for chain in plan)


class Master(Cover):
    """
    Grows with the pool.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, pool.block.size)
        self._pool = pool
        self._seen = 0
        self._is_once = False
        self.grow()

    def grow(self) -> None:
        """
        Take in what the pool has got since.
        """
        seen, self._seen = self._seen, len(self._pool)
        self.take(range(seen, self._seen))

    def cover_once(self) -> None:
        self._is_once = True
        super().cover_once()

    def solve(self) -> Solved:
        solved = super().solve()
        return solved if self._is_once else replace(solved, prices=np.maximum(solved.prices, 0.0))


def best_selection(
    pool: Pool,
    incumbent: Sequence[Chain],
    numbers: Sequence[int],
    *,
    work_s: float,
    seed: int,
) -> Choice[Chain]:
    """
    The best plan of some chains of the pool that is better than the one known.
    """
    chains = [pool.chains[number] for number in numbers]
    choice = best_choice(
        chains,
        BUS_COST + np.array([pool.minutes[number] for number in numbers]),
        trips=pool.block.size,
        value=len(incumbent) * BUS_COST + pool.minutes_of_plan(incumbent),
        work_s=work_s,
        seed=seed,
    )
    plan = None if choice.parts is None else [chains[place] for place in choice.parts]
    return Choice(parts=plan, is_best=choice.is_best)
