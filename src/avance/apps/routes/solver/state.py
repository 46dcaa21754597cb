from collections.abc import Sequence

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import Chain
from avance.apps.routes.solver.master import Pool

NEAR = 0.0004
"""Of the minutes: to save so few, no further choice is made."""


class State:
    """
    What is known of one block.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.pool = Pool(block)
        self.plan: list[Chain] = []
        self.cost: tuple[int, float] = (0, 0.0)
        self.bound = 0
        self.bound_minutes = 0.0
        self.certificate: list[int] = []
        self.is_settled = False
        """Nothing better exists."""
        self.is_sown = False
        """It begins with chains of an earlier search."""
        self.failures = 0
        self.rounds = 0
        self.splits = 0

    def cut(self) -> None:
        self.splits += 1

    def offer(self, plan: Sequence[Chain]) -> bool:
        """
        Take a plan if it is better.
        """
        cost = (len(plan), self.pool.minutes_of_plan(plan))
        if self.plan and cost >= (self.cost[0], self.cost[1] - 1e-9):
            return False
        self.plan, self.cost = list(plan), cost
        return True

    @property
    def is_near(self) -> bool:
        """
        Another plan could save next to nothing.
        """
        return self.is_settled or (
            self.cost[0] == self.bound
            and self.cost[1] - self.bound_minutes <= NEAR * self.bound_minutes
        )

    def close_gap(self) -> None:
        self.is_settled = self.is_settled or (
            self.cost[0] == self.bound and self.cost[1] <= self.bound_minutes + 1e-6
        )
