"""
The search where vehicles stand at depots: the phases are those of a search without, over all trips at once, for the vehicles are shared.
"""

from collections.abc import Callable, Sequence

import numpy as np

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.bounds import matching_bound, whole
from avance.apps.routes.solver.chain import best_starts, is_feasible
from avance.apps.routes.solver.depots.colgen import DIVE_SHARE, Relaxation, dive
from avance.apps.routes.solver.depots.first import assigned
from avance.apps.routes.solver.depots.master import Master, Pool, best_selection
from avance.apps.routes.solver.depots.yard import Duty, Yard
from avance.apps.routes.solver.matching import first_plan, shaken
from avance.apps.routes.solver.nearest import near
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.polish import OfYard, rebalance
from avance.apps.routes.solver.search import Ended, Found, Step, Tell

RELAX_SHARE = 0.6
"""Of the time of the search; the rest is for plans."""
DIVES = (DIVE_SHARE, DIVE_SHARE / 4)
"""Quickly first, then with more care where there is time."""
SELECTED_MAX = 8_000
"""Duties among which the best plan is chosen."""
KEPT_MAX = 40_000


class DepotSearch:
    """
    Runs to its end; whoever wants it to stop ends its process.
    """

    def __init__(
        self,
        block: Block,
        yard: Yard,
        options: SearchOptions,
        tell: Tell,
        *,
        clock_s: Callable[[], float],
        seeds: Sequence[Sequence[int]] = (),
        start: Sequence[Duty] = (),
        buses_min: int = 0,
    ) -> None:
        """
        Args:
            seeds: Chains of an earlier search.
            start: A plan that drives all, where the search begins.
            buses_min: No plan that drives all has fewer.
        """
        self._block = block
        self._yard = yard
        self._options = options
        self._tell = tell
        self._clock_s = clock_s
        self._random = np.random.default_rng(options.seed)
        self._pool = Pool(block, yard)
        self._plan: list[Duty] = []
        self._cost = float("inf")
        self.bound = 0.0
        """No plan costs less, whatever it leaves out."""
        self._buses_min = buses_min
        self._start = start
        self._certificate: list[int] = []
        self._rounds = 0
        self._phase = "building_chains"
        self._sow(seeds)

    @property
    def cost(self) -> float:
        return self._cost

    @property
    def plan(self) -> Sequence[Duty]:
        return self._plan

    @property
    def buses_min(self) -> int:
        return self._buses_min

    @property
    def rounds(self) -> int:
        return self._rounds

    def run(self) -> None:
        self._build()
        self._match()
        self._search()
        self._tell(Ended(rounds=self._rounds, chains=len(self._pool), pool=self._kept()))

    def _build(self) -> None:
        block, yard = self._block, self._yard
        found = matching_bound(block)
        self._buses_min = max(self._buses_min, found.buses)
        self._certificate = found.certificate.tolist()
        self._step(0.5)
        self._pool.add(
            (kind, (trip,))
            for kind in range(yard.kinds)
            for trip in np.flatnonzero(yard.fits[kind]).tolist()
        )
        self._offer(self._start or assigned(block, yard, first_plan(block)))
        self._step(1.0)
        self._show()

    def _match(self) -> None:
        """
        Take buses apart and join them anew, and find vehicles for what comes of it.
        """
        self._phase = "matching_blocks"
        for number in range(self._options.shakes):
            chains = [chain for _, chain in self._plan]
            if chains:
                share = float(self._random.uniform(0.1, 0.6))
                new = shaken(self._block, chains, self._random, share=share)
                left_out = set(range(self._block.size)).difference(*new)
                new += [(trip,) for trip in sorted(left_out)]
                if self._offer(assigned(self._block, self._yard, new)):
                    self._show()
            self._step((number + 1) / self._options.shakes)

    def _search(self) -> None:
        self._phase = "local_search"
        begun_s, search_s = self._clock_s(), self._options.search_s
        relaxation = Relaxation(
            self._pool, buses_min=self._buses_min, certificate=self._certificate
        )
        relaxation.run(
            value=self._cost,
            stop=lambda: self._clock_s() - begun_s > RELAX_SHARE * search_s,
            tell=lambda bound, value: self._step(0.5 * min(1.0, max(0.0, bound / value))),
        )
        self._rounds = relaxation.rounds
        self._raise_bound(relaxation.bound)
        if self._block.is_grid_exact and self.is_whole:
            self._buses_min = max(self._buses_min, relaxation.buses)
        self._show()
        # Its basis is worth more than all columns: solved anew, the whole program takes longer than the dive.
        master = relaxation.master
        for number in range(len(DIVES)):
            if self._is_settled or (number and self._clock_s() - begun_s > search_s):
                break
            self._dive(relaxation, master, number, begun_s + 1.5 * search_s)
            if not self._is_settled:
                self._select(relaxation)
            master = self._near_master(relaxation)
        self._step(1.0)
        self._rebalance()
        self._show()

    def _dive(self, relaxation: Relaxation, master: Master, number: int, late_s: float) -> None:
        begin = 0.5 + 0.25 * number
        plan = dive(
            self._pool,
            relaxation,
            master,
            stop=lambda: self._clock_s() > late_s,
            tell=lambda part: self._step(begin + 0.25 * part),
            at_once=DIVES[number],
        )
        if self._offer(plan):
            self._show()

    def _select(self, relaxation: Relaxation) -> None:
        options = self._options
        among = relaxation.nearest(self._cost, SELECTED_MAX)
        choice = best_selection(
            self._pool,
            among.numbers,
            value=self._cost,
            work_s=options.selection_s,
            seed=options.seed,
        )
        if choice.parts is not None:
            self._offer(choice.parts)
        if choice.is_best:
            # Whatever else costs less has a duty that is farther from the bound than all of these.
            self._raise_bound(min(self._cost, relaxation.bound + among.gap))
        self._show()

    def _rebalance(self) -> None:
        """
        Even load is the last goal, as without depots. No vehicle is exchanged for another.
        """
        allowed = self._options.balance_minutes
        plan = rebalance(OfYard(self._block, self._yard), self._plan, minutes_max=allowed)
        cost = self._pool.cost_of_plan(plan)
        if cost <= self._cost + allowed * len(plan) + 1e-9:
            self._plan, self._cost = plan, cost

    def _near_master(self, relaxation: Relaxation) -> Master:
        master = Master(self._pool, relaxation.buses)
        master.take(near(relaxation.reduced(), self._cost - relaxation.bound))
        master.begin_exact()
        return master

    def _raise_bound(self, bound: float) -> None:
        block, yard = self._block, self._yard
        if not block.is_grid_exact:
            # The pricing looked at a part of all duties, so what it shows is no proof.
            return
        self.bound = max(self.bound, whole(bound) if block.is_whole and yard.is_whole else bound)

    @property
    def is_whole(self) -> bool:
        """
        Whether the plan leaves nothing out.
        """
        return sum(len(chain) for _, chain in self._plan) == self._block.size

    @property
    def _is_settled(self) -> bool:
        return self._cost <= self.bound + 1e-6

    def _offer(self, plan: Sequence[Duty]) -> bool:
        cost = self._pool.cost_of_plan(plan)
        if cost >= self._cost - 1e-9:
            return False
        self._plan, self._cost = list(plan), cost
        return True

    def _show(self) -> None:
        block, bus_cost = self._block, self._yard.bus_cost
        buses: list[tuple[list[tuple[int, int]], int]] = []
        for kind, chain in self._plan:
            starts, _ = best_starts(block, chain)
            legs = [(int(block.ids[t]), s) for t, s in zip(chain, starts, strict=True)]
            buses.append((legs, kind))
        buses.sort(key=lambda bus: (bus[0][0][1], bus[0][0][0]))
        left_out = block.size - sum(len(legs) for legs, _ in buses)
        spent = self._cost - left_out * self._yard.unserved_cost
        self._tell(
            Found(
                buses=[legs for legs, _ in buses],
                kinds=[kind for _, kind in buses],
                minutes=spent - bus_cost * len(buses),
                bound=self._buses_min,
                bound_minutes=max(0.0, self.bound - bus_cost * self._buses_min)
                if self.is_whole
                else 0.0,
                certificate=sorted(int(block.ids[trip]) for trip in self._certificate),
                phase=self._phase,
            )
        )

    def _step(self, done: float) -> None:
        self._tell(Step(phase=self._phase, done=done))

    def _sow(self, seeds: Sequence[Sequence[int]]) -> None:
        """
        Put chains of an earlier search into the pool, with every vehicle that may still drive them.
        """
        place = {int(number): at for at, number in enumerate(self._block.ids)}
        for seed in seeds:
            if not all(number in place for number in seed):
                continue
            chain = tuple(place[number] for number in seed)
            if is_feasible(self._block, chain):
                fits = self._yard.fits[:, list(chain)].all(axis=1)
                self._pool.add((kind, chain) for kind in np.flatnonzero(fits).tolist())

    def _kept(self) -> list[list[int]]:
        chains = list(dict.fromkeys(chain for _, chain in self._pool.duties))[-KEPT_MAX:]
        return [self._block.ids[list(chain)].tolist() for chain in chains]
