"""
What vehicles there are, as arrays beside a block.
"""

from dataclasses import dataclass

import numpy as np

from avance.apps.routes.solver.block import Block, Bools, Floats, Ints
from avance.apps.routes.solver.chain import Chain, is_feasible, minutes_of
from avance.apps.routes.solver.pricing import unfit_sizes

Duty = tuple[int, Chain]
"""A vehicle of this kind drives these trips."""


@dataclass(frozen=True, kw_only=True)
class Yard:
    """
    Kinds of vehicle, in rows. Costs count like those of the links of a block, the one of the vehicle itself included.
    """

    out: Floats
    """[kind, trip]: from the depot to its start."""
    back: Floats
    """[kind, trip]: from its end to the depot."""
    fits: Bools
    """[kind, trip]: such a vehicle may drive it."""
    count: Ints
    """How many there are of each kind."""
    bus_cost: float
    """What of `out` is for the vehicle itself."""
    unserved_cost: float
    """Of a trip that nothing drives; more than any vehicle."""

    @property
    def kinds(self) -> int:
        return len(self.count)

    @property
    def is_whole(self) -> bool:
        """
        Whether whatever is driven beside the links of a block costs a whole number.
        """
        return not any(np.any(some % 1) for some in (self.out, self.back, self.unserved_cost))

    def kinds_unfit(self, block: Block) -> tuple[Ints, Bools]:
        """
        For the pricing: each kind of vehicle once for each size that matters, and what does not fit that.
        """
        sizes = unfit_sizes(block)
        kinds: list[int] = []
        columns: list[Bools] = []
        for kind in range(self.kinds):
            seen: set[bytes] = set()
            for size in range(sizes.shape[1]):
                unfit: Bools = sizes[:, size] | ~self.fits[kind]
                # Where the seats of a vehicle are known, most sizes leave it the same trips.
                if unfit.all() or unfit.tobytes() in seen:
                    continue
                seen.add(unfit.tobytes())
                kinds.append(kind)
                columns.append(unfit)
        if not columns:
            return np.zeros(1, dtype=np.int64), np.ones((block.size, 1), dtype=bool)
        return np.array(kinds, dtype=np.int64), np.stack(columns, axis=1)

    def may_drive(self, block: Block, duty: Duty) -> bool:
        kind, chain = duty
        return bool(self.fits[kind, list(chain)].all()) and is_feasible(block, chain)

    def cost_of(self, block: Block, duty: Duty) -> float:
        return self.cost_between(duty, minutes_of(block, duty[1]))

    def cost_between(self, duty: Duty, minutes: float) -> float:
        """
        With what is driven between the first trip and the last known.
        """
        kind, chain = duty
        return float(self.out[kind, chain[0]] + self.back[kind, chain[-1]]) + minutes

    def left(self, duties: list[Duty]) -> Ints:
        """
        Vehicles of each kind that nothing is planned for.
        """
        used = np.bincount([kind for kind, _ in duties], minlength=self.kinds)
        return self.count - used.astype(np.int64)
