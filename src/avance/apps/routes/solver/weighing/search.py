"""
The search by a weighted goal. First the fewest buses, with their proof; from there, block by block, the least cost with whatever number of
buses, with a bound of its own; at the end days and loads are evened out. Where vehicles are given, they are weighed from the beginning.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.chain import Chain, best_starts
from avance.apps.routes.solver.depots.problem import one_kind
from avance.apps.routes.solver.depots.search import DepotSearch
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.seam.problem import seam_of
from avance.apps.routes.solver.search import Ended, Found, Search, Step, Tell, Told
from avance.apps.routes.solver.weighing.exchange import Plans, evened_out
from avance.apps.routes.solver.weighing.pieces import PieceSearch
from avance.apps.routes.solver.weighing.problem import Weighing

FEWEST_SHARE = 0.4
"""Of the time and the progress of the search."""
PHASE = "local_search"
CHAINS_PER_TRIP = 6
"""Of those that the search for the fewest buses has found, so many of the newest are where the next begins."""
BLOCK = 0
"""Where there is a yard, there is one block."""


class WeighedSearch:
    """
    Runs to its end; whoever wants it to stop ends its process.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        weighing: Weighing,
        options: SearchOptions,
        tell: Tell,
        *,
        clock_s: Callable[[], float],
        seeds: Sequence[Sequence[int]] = (),
        yard: Yard | None = None,
    ) -> None:
        self._fewest_blocks = blocks
        self._weighing = weighing
        self._options = options
        self._tell = tell
        self._clock_s = clock_s
        self._seeds = seeds
        self._yard = yard
        self._costly = list(weighing.blocks) if yard is None else list(blocks)
        self._yards = [one_kind(b, weighing.bus) if yard is None else yard for b in self._costly]
        self._plans: Plans = []
        self._cost = float("inf")
        self._bounds = [0.0] * len(self._costly)
        self._fewest = Found(
            buses=[], minutes=0.0, bound=0, bound_minutes=0.0, certificate=[], phase=PHASE
        )
        """What is known of the count of buses."""
        self._ended = Ended()

    def run(self) -> None:
        if self._yard is None:
            self._find_fewest()
            self._weigh()
        else:
            self._search_yard(self._yard)
        self._even_out()
        self._tell(self._ended)

    def _find_fewest(self) -> None:
        options = replace(self._options, search_s=FEWEST_SHARE * self._options.search_s)
        search = Search(
            self._fewest_blocks,
            options,
            self._hear_of_fewest,
            clock_s=self._clock_s,
            seeds=self._seeds,
        )
        search.run()
        self._chains = [
            state.pool.chains[-CHAINS_PER_TRIP * state.block.size :] for state in search.states
        ]
        self._counts = [state.bound for state in search.states]

    def _hear_of_fewest(self, told: Told) -> None:
        match told:
            case Step() if told.phase == PHASE:
                self._step(FEWEST_SHARE * told.done / told.total)
            case Found():
                self._fewest = told
                self._offer(self._plans_of(told))
                self._show(told.phase)
            case Ended():
                self._ended = told
            case _:
                self._tell(told)

    def _plans_of(self, found: Found) -> Plans:
        """
        By blocks, in whichever order its buses are.
        """
        at = {
            int(number): (place, trip)
            for place, block in enumerate(self._costly)
            for trip, number in enumerate(block.ids.tolist())
        }
        plans: Plans = [
            (block, yard, []) for block, yard in zip(self._costly, self._yards, strict=True)
        ]
        kinds = found.kinds or [0] * len(found.buses)
        for kind, bus in zip(kinds, found.buses, strict=True):
            place = at[bus[0][0]][0]
            plans[place][2].append((kind, tuple(at[trip][1] for trip, _ in bus)))
        return plans

    def _weigh(self) -> None:
        """
        Each block from the plan and the chains that are known of it.
        """
        whole = sum(block.size for block in self._costly)
        done = FEWEST_SHARE
        for place in sorted(range(len(self._costly)), key=lambda one: self._costly[one].size):
            share = (1 - FEWEST_SHARE) * self._costly[place].size / whole
            self._weigh_block(place, done, share)
            done += share
            self._step(done)

    def _weigh_block(self, place: int, begun: float, share: float) -> None:
        block, _, plan = self._plans[place]
        options = replace(self._options, shakes=0, search_s=share * self._options.search_s)
        seam = seam_of(block, bus_cost=self._weighing.bus)
        search: PieceSearch | DepotSearch
        if seam is not None:
            search = PieceSearch(
                seam,
                [chain for _, chain in plan],
                options,
                buses_min=self._counts[place],
                clock_s=self._clock_s,
                step=lambda done: self._step(begun + share * done),
                show=lambda: self._take(place, search),
            )
            search.sow(self._chains[place])
        else:
            search = self._of_whole_buses(
                place, options, lambda done: self._step(begun + share * done)
            )
        search.run()
        self._ended = replace(self._ended, rounds=self._ended.rounds + search.rounds)

    def _of_whole_buses(
        self, place: int, options: SearchOptions, step: Callable[[float], None]
    ) -> DepotSearch:
        block, yard, plan = self._plans[place]

        def hear(told: Told) -> None:
            if isinstance(told, Step) and told.phase == PHASE:
                step(told.done / told.total)
            elif isinstance(told, Found):
                self._take(place, search)

        search = DepotSearch(
            block,
            yard,
            options,
            hear,
            clock_s=self._clock_s,
            seeds=[_numbers(block, chain) for chain in self._chains[place]],
            start=plan,
            buses_min=self._counts[place],
        )
        return search

    def _take(self, place: int, search: PieceSearch | DepotSearch) -> None:
        block, yard, _ = self._plans[place]
        self._bounds[place] = max(self._bounds[place], search.bound)
        new = (block, yard, list(search.plan))
        if search.buses_min > self._counts[place]:
            more = search.buses_min - self._counts[place]
            self._counts[place] = search.buses_min
            self._fewest = replace(self._fewest, bound=self._fewest.bound + more)
        self._offer([*self._plans[:place], new, *self._plans[place + 1 :]])
        self._show(PHASE)

    def _search_yard(self, yard: Yard) -> None:
        block = self._costly[BLOCK]

        def hear(told: Told) -> None:
            match told:
                case Found():
                    self._fewest = told
                    self._bounds[BLOCK] = search.bound if search.is_whole else 0.0
                    self._take_whole(search)
                    self._show(told.phase)
                case Ended():
                    self._ended = told
                case _:
                    self._tell(told)

        search = DepotSearch(
            block, yard, self._options, hear, clock_s=self._clock_s, seeds=self._seeds
        )
        search.run()

    def _take_whole(self, search: DepotSearch) -> None:
        """
        What is driven comes before what it costs, and the search knows that.
        """
        self._plans = [(self._costly[BLOCK], self._yards[BLOCK], list(search.plan))]
        self._cost = self._weighing.cost_of(self._plans)

    def _even_out(self) -> None:
        if not self._weighing.is_linear and self._plans:
            self._offer(evened_out(self._weighing, self._plans))
        self._show(PHASE)

    def _offer(self, plans: Plans) -> None:
        cost = self._weighing.cost_of(plans)
        if cost < self._cost:
            self._plans, self._cost = plans, cost

    def _step(self, done: float) -> None:
        self._tell(Step(phase=PHASE, done=min(done, 1.0)))

    def _show(self, phase: str) -> None:
        buses: list[tuple[list[tuple[int, int]], int]] = []
        for block, _, plan in self._plans:
            for kind, chain in plan:
                starts, _ = best_starts(block, chain)
                legs = zip(_numbers(block, chain), starts, strict=True)
                buses.append((list(legs), kind))
        buses.sort(key=lambda bus: (bus[0][0][1], bus[0][0][0]))
        has_all = all(self._bounds)
        self._tell(
            replace(
                self._fewest,
                buses=[legs for legs, _ in buses],
                kinds=[] if self._yard is None else [kind for _, kind in buses],
                bound_minutes=0.0,
                goal_bound=sum(self._bounds) if has_all else 0.0,
                phase=phase,
            )
        )


def _numbers(block: Block, chain: Chain) -> list[int]:
    """
    In the whole problem.
    """
    numbers: list[int] = block.ids[list(chain)].tolist()
    return numbers
