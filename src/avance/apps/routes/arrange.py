"""
What is handed to the search: trips by groups that never share a bus, together where they share the vehicles that there are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from avance.apps.routes.model import HOUR, MINUTE, Trip, Vehicle
from avance.apps.routes.request import Wishes
from avance.apps.routes.solver.block import Block, Floats, Ints
from avance.apps.routes.solver.depots.problem import yard_of
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.problem import blocks_of, whole_block
from avance.apps.routes.solver.weighing.problem import Weighing
from avance.apps.routes.trips import Roads
from avance.apps.routes.vehicles import pull_in_min, pull_out_min
from avance.apps.routes.wishes import wanted_links, weighed_links


class Arranged(NamedTuple):
    blocks: list[Block]
    yard: Yard | None = None
    weighing: Weighing | None = None


def arrange(trips: Sequence[Trip], gaps: Ints, wishes: Wishes, roads: Roads) -> Arranged:
    goal, vehicles = wishes.goal, wishes.vehicles
    if not vehicles:
        blocks = blocks_of(trips, gaps, wanted_links(trips, gaps, wishes))
        if not goal.is_weighed:
            return Arranged(blocks)
        weighed = blocks_of(trips, gaps, weighed_links(trips, wishes, goal))
        return Arranged(blocks, weighing=_weighing(wishes, weighed))
    if not goal.is_weighed:
        block = whole_block(trips, gaps, wanted_links(trips, gaps, wishes))
        is_far = wishes.mode == "kilometres"
        return Arranged([block], yard_of(vehicles, trips, block, roads, is_far=is_far))
    block = whole_block(trips, gaps, weighed_links(trips, wishes, goal))
    yard = yard_of(vehicles, trips, block, roads, goal=goal)
    out_s, back_s = _ways_s(vehicles, [trips[at] for at in block.ids.tolist()], roads)
    return Arranged([block], yard, _weighing(wishes, [], out_s, back_s))


def _weighing(
    wishes: Wishes,
    blocks: Sequence[Block],
    out_s: Floats | None = None,
    back_s: Floats | None = None,
) -> Weighing:
    weights, none = wishes.goal.weights, np.zeros((0, 0))
    return Weighing(
        blocks=blocks,
        bus=weights.buses,
        overtime_hour=weights.driver_overtime,
        duty_s=HOUR * wishes.goal.factors.duty_hours,
        load=weights.unbalanced_load,
        out_s=none if out_s is None else out_s,
        back_s=none if back_s is None else back_s,
    )


def _ways_s(
    vehicles: Sequence[Vehicle], trips: Sequence[Trip], roads: Roads
) -> tuple[Floats, Floats]:
    out = [[MINUTE * pull_out_min(one, trip, roads) for trip in trips] for one in vehicles]
    back = [[MINUTE * pull_in_min(one, trip, roads) for trip in trips] for one in vehicles]
    return np.array(out, dtype=np.float64), np.array(back, dtype=np.float64)
