"""
The linear program over duties: drive every trip at the least cost, with the vehicles that there are.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from avance.apps.routes.solver.block import Block, Ints
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.choice import Choice, best_choice
from avance.apps.routes.solver.cover import Cover
from avance.apps.routes.solver.depots.yard import Duty, Yard
from avance.apps.routes.solver.pricing import Priced


class Pool:
    """
    All duties that were ever found, each once, with their costs.
    """

    def __init__(self, block: Block, yard: Yard) -> None:
        self.block = block
        self.yard = yard
        self.duties: list[Duty] = []
        self.costs: list[float] = []
        self._known: dict[Duty, int] = {}

    def __len__(self) -> int:
        return len(self.duties)

    def add(self, duties: Iterable[Duty]) -> list[int]:
        """
        Their numbers.
        """
        return [self._number(duty, None) for duty in duties]

    def add_priced(self, kinds: Ints, found: Iterable[tuple[int, Priced]]) -> list[int]:
        """
        The same for what the pricing found, which has counted the minutes where its grid holds the best start times.
        """
        is_counted = self.block.unit_s is not None
        return [
            self._number((int(kinds[row]), one.chain), one.minutes if is_counted else None)
            for row, one in found
        ]

    def _number(self, duty: Duty, minutes: float | None) -> int:
        number = self._known.get(duty)
        if number is None:
            number = self._known[duty] = len(self.duties)
            self.duties.append(duty)
            yard = self.yard
            self.costs.append(
                yard.cost_of(self.block, duty)
                if minutes is None
                else yard.cost_between(duty, minutes)
            )
        return number

    def trips_of(self, number: int, /) -> Chain:
        return self.duties[number][1]

    def kind_of(self, number: int, /) -> int | None:
        return self.duties[number][0]

    def cost_of(self, number: int, /) -> float:
        return self.costs[number]

    def stays(self, number: int, /) -> bool:
        return False

    def cost_of_plan(self, plan: Sequence[Duty]) -> float:
        self.add(plan)
        left_out = self.block.size - sum(len(chain) for _, chain in plan)
        driven = sum(self.costs[self._known[duty]] for duty in plan)
        return driven + left_out * self.yard.unserved_cost


class Master(Cover):
    """
    Over vehicles of which there are so many; what they cannot drive is left out.
    """

    def __init__(self, pool: Pool, buses_min: int = 0) -> None:
        super().__init__(pool, pool.block.size, buses_min=buses_min, counts=pool.yard.count)
        self.allow_left_out(pool.yard.unserved_cost)

    def settle(self, duties: Iterable[Duty], left: Ints) -> None:
        """
        These are driven: nothing else drives their trips, and so many vehicles are left.
        """
        self.need(0)
        self.leave(left)
        self.close(trip for _, chain in duties for trip in chain)


def best_selection(
    pool: Pool, numbers: Sequence[int], *, value: float, work_s: float, seed: int
) -> Choice[Duty]:
    """
    The best plan of some duties of the pool that costs less than `value`.
    """
    size, yard = pool.block.size, pool.yard
    rows: list[Chain] = [(trip,) for trip in range(size)]
    rows += [(*chain, size + kind) for kind, chain in map(pool.duties.__getitem__, numbers)]
    choice = best_choice(
        rows,
        np.array([yard.unserved_cost] * size + [pool.costs[number] for number in numbers]),
        trips=size,
        counts=yard.count,
        value=value,
        work_s=work_s,
        seed=seed,
    )
    if choice.parts is None:
        return Choice(parts=None, is_best=choice.is_best)
    plan = [pool.duties[numbers[place - size]] for place in choice.parts if place >= size]
    return Choice(parts=plan, is_best=choice.is_best)
