"""
One block by a weighted goal, by the pieces of buses before and after the calm of the day: the least cost with whatever number of buses.
"""

from collections.abc import Callable, Sequence

from avance.apps.routes.solver.bounds import whole
from avance.apps.routes.solver.chain import Chain, minutes_of
from avance.apps.routes.solver.depots.yard import Duty
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.pricing import Pricer
from avance.apps.routes.solver.seam.colgen import SeamRelaxation
from avance.apps.routes.solver.seam.dive import CAREFUL, QUICK, SeamCare, dive
from avance.apps.routes.solver.seam.problem import Seam
from avance.apps.routes.solver.seam.select import select

RELAX_SHARE = 0.6
"""Of the time of the search; the rest is for plans."""
KIND = 0
"""All buses are of one."""


class PieceSearch:
    """
    Runs to its end; whoever wants it to stop ends its process.
    """

    def __init__(
        self,
        seam: Seam,
        start: Sequence[Chain],
        options: SearchOptions,
        *,
        buses_min: int,
        clock_s: Callable[[], float],
        step: Callable[[float], None],
        show: Callable[[], None],
    ) -> None:
        """
        Args:
            start: A plan.
            buses_min: No plan has fewer.
            step: Told how much is done, of 1.
            show: Called where there is a better plan or bound.
        """
        self._seam = seam
        self._options = options
        self._clock_s = clock_s
        self._step = step
        self._show = show
        self._chains: list[Chain] = list(start)
        self._cost = self._cost_of(start)
        self._sewn = SeamRelaxation(seam, buses_min=buses_min)
        self._sewn.sow(start)
        self.buses_min = buses_min
        self.bound = 0.0
        """No plan costs less."""

    @property
    def plan(self) -> Sequence[Duty]:
        return [(KIND, chain) for chain in self._chains]

    @property
    def rounds(self) -> int:
        return self._sewn.rounds

    def sow(self, chains: Sequence[Chain]) -> None:
        """
        Chains of an earlier search.
        """
        self._sewn.sow(chains)

    def run(self) -> None:
        until_s = self._clock_s() + RELAX_SHARE * self._options.search_s
        self._relax(lambda: self._clock_s() > until_s)
        late_s = self._clock_s() + self._options.search_s
        for number, care in enumerate((QUICK, CAREFUL)):
            if not self._is_settled:
                self._dive(care, 0.5 + 0.25 * number, lambda: self._clock_s() > late_s)
        if not self._is_settled:
            self._select()
        self._step(1.0)
        self._show()

    def _relax(self, stop: Callable[[], bool]) -> None:
        sewn, buses_max = self._sewn, self._buses_max()
        sewn.run(
            buses_max=buses_max,
            stop=stop,
            tell=lambda bound, value: self._step(0.5 * min(1.0, max(0.0, bound / value))),
        )
        if sewn.prices is not None:
            pricer = Pricer(self._seam.block)
            prices, bus_cost = sewn.prices, self._seam.bus_cost - sewn.prices.bus
            least, _ = pricer.price(prices.trips, bus_cost=bus_cost, count_max=0)
            bound = float(prices.trips.sum()) + self.buses_min * prices.bus
            self._raise_bound(max(sewn.bound, bound + buses_max * min(0.0, least)))
        self._show()

    def _buses_max(self) -> int:
        """
        A plan with more buses costs more than the one that is known.
        """
        block, bus_cost = self._seam.block, self._seam.bus_cost
        if bus_cost <= 0 or bool((block.cost[block.links] < 0).any()):
            return block.size
        return min(block.size, int(self._cost // bus_cost))

    def _dive(self, care: SeamCare, begun: float, stop: Callable[[], bool]) -> None:
        plan = dive(
            self._seam,
            self._sewn.master,
            stop=stop,
            tell=lambda part: self._step(begun + 0.25 * part),
            care=care,
        )
        self._offer(plan)

    def _select(self) -> None:
        sewn, options = self._sewn, self._options
        if sewn.prices is None:
            return
        chosen = select(
            self._seam,
            sewn.master,
            sewn.prices,
            self._chains,
            gap=self._cost - sewn.bound,
            buses=None,
            work_s=options.selection_s,
            seed=options.seed,
        )
        if chosen.plan is not None:
            self._offer(chosen.plan)
        if chosen.is_best and chosen.gap:
            self._raise_bound(min(self._cost, sewn.bound + chosen.gap))

    def _offer(self, plan: Sequence[Chain]) -> None:
        cost = self._cost_of(plan)
        if cost < self._cost - 1e-9:
            self._chains, self._cost = list(plan), cost
            self._show()

    def _cost_of(self, plan: Sequence[Chain]) -> float:
        block, bus_cost = self._seam.block, self._seam.bus_cost
        return sum(bus_cost + minutes_of(block, chain) for chain in plan)

    def _raise_bound(self, bound: float) -> None:
        block = self._seam.block
        if not block.is_grid_exact:
            # The pricing looked at a part of all pieces, so what it shows is no proof.
            return
        is_whole = block.is_whole and self._seam.bus_cost % 1 == 0
        self.bound = max(self.bound, whole(bound) if is_whole else bound)

    @property
    def _is_settled(self) -> bool:
        return self._cost <= self.bound + 1e-6
