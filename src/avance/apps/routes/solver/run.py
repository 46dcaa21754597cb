"""
Which search a problem needs.
"""

from collections.abc import Callable, Sequence

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.depots.search import DepotSearch
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.search import Search, Tell
from avance.apps.routes.solver.weighing.problem import Weighing
from avance.apps.routes.solver.weighing.search import WeighedSearch


def search(
    blocks: Sequence[Block],
    options: SearchOptions,
    tell: Tell,
    *,
    clock_s: Callable[[], float],
    seeds: Sequence[Sequence[int]] = (),
    yard: Yard | None = None,
    weighing: Weighing | None = None,
) -> None:
    """
    Search to the end, and tell on the way.
    """
    if weighing is not None:
        WeighedSearch(
            blocks, weighing, options, tell, clock_s=clock_s, seeds=seeds, yard=yard
        ).run()
    elif yard is not None:
        DepotSearch(blocks[0], yard, options, tell, clock_s=clock_s, seeds=seeds).run()
    else:
        Search(blocks, options, tell, clock_s=clock_s, seeds=seeds).run()
