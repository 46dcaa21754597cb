"""
What buses, links, shifts, long days and uneven loads cost by a weighted goal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from avance.apps.routes.solver.block import Block, Floats
from avance.apps.routes.solver.chain import best_starts
from avance.apps.routes.solver.depots.yard import Duty, Yard

HOUR = 3600.0


def _nothing() -> Floats:
    return np.zeros((0, 0))


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """
    Of a bus, links and shifts the linear program takes account; overtime and load are evened out at the end. Neither is ever below 0, so what
    the program proves is a bound on the whole.
    """

    blocks: Sequence[Block]
    """Those of the problem, with costs by the goal; empty where there is a yard, whose block has them."""
    bus: float
    overtime_hour: float
    duty_s: float
    load: float
    """A route more or fewer than the mean of all buses."""
    out_s: Floats = field(default_factory=_nothing)
    """[kind, trip]: how long the way from the depot takes; empty without depots."""
    back_s: Floats = field(default_factory=_nothing)

    @property
    def is_linear(self) -> bool:
        return not self.overtime_hour and not self.load

    def cost_of(self, plans: Sequence[tuple[Block, Yard, Sequence[Duty]]]) -> float:
        """
        Of all blocks together.
        """
        duties = [(block, yard, duty) for block, yard, plan in plans for duty in plan]
        if not duties:
            return 0.0
        mean = sum(len(duty[1]) for _, _, duty in duties) / len(duties)
        return sum(
            yard.cost_of(block, duty)
            + self.overtime_hour * self.overtime_h(block, duty)
            + self.load * abs(len(duty[1]) - mean)
            for block, yard, duty in duties
        )

    def overtime_h(self, block: Block, duty: Duty) -> float:
        if not self.overtime_hour:
            return 0.0
        kind, chain = duty
        starts, _ = best_starts(block, chain)
        begin_s = starts[0] - self.way_out_s(kind, chain[0])
        end_s = starts[-1] + int(block.duration[chain[-1]]) + self.way_back_s(kind, chain[-1])
        return max(0.0, (end_s - begin_s - self.duty_s) / HOUR)

    def way_out_s(self, kind: int, trip: int) -> float:
        return float(self.out_s[kind, trip]) if self.out_s.size else 0.0

    def way_back_s(self, kind: int, trip: int) -> float:
        return float(self.back_s[kind, trip]) if self.back_s.size else 0.0
