"""
The best plan of one block by column generation: by the pieces of its buses where its day has a calm, else by whole buses.
"""

from collections.abc import Callable

from avance.apps.routes.solver.bounds import whole
from avance.apps.routes.solver.colgen import CAREFUL, QUICK, Care, Relaxation, Relaxed, dive
from avance.apps.routes.solver.count import buses_needed
from avance.apps.routes.solver.halves import GAPS, halves_of
from avance.apps.routes.solver.master import BUS_COST, best_selection
from avance.apps.routes.solver.matching import join
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.pricing import Pricer
from avance.apps.routes.solver.seam import dive as seam_dive
from avance.apps.routes.solver.seam.colgen import SeamRelaxation
from avance.apps.routes.solver.seam.problem import Seam, seam_of
from avance.apps.routes.solver.seam.select import PIECES_MAX, select
from avance.apps.routes.solver.state import State

SELECTED_MAX = 4_000
"""Chains among which the best plan is chosen: with more nothing is found in time."""
SOWN_PER_TRIP = 4
"""Of the chains known, so many of the newest are where the program of pieces begins."""
HALVES_SHARE = 0.1
"""Of the progress."""
SELECTIONS_MAX = 4
"""Each among twice as many pieces as the one before, in twice the time."""


class Descent:
    """
    Column generation for one block.
    """

    def __init__(
        self,
        state: State,
        options: SearchOptions,
        *,
        begun: float,
        share: float,
        show: Callable[[], None],
        at: Callable[[float], None],
        clock_s: Callable[[], float],
    ) -> None:
        """
        Args:
            begun: Of all blocks, the share that comes before this one.
            share: That of this one, of the time and of the progress.
            show: Called with a better plan or bound.
            at: Called with how far all of it is.
        """
        self.state = state
        self._options = options
        self._begun = begun
        self._share = share
        self._show = show
        self._tell = at
        self._clock_s = clock_s
        self._left_s = options.search_s * share
        self._until_s = 0.0
        self._is_halved = False
        self._gap: float | None = None

    def run(self) -> None:
        state = self.state
        self._until_s = self._clock_s() + self._left_s
        pricer = Pricer(state.block)
        state.pool.add((trip,) for trip in range(state.block.size))
        relaxation = Relaxation(
            state.pool, pricer, buses_min=state.bound, certificate=state.certificate
        )
        if not self._sew(relaxation):
            self._descend(pricer, relaxation)
        self._at(1.0)

    def _descend(self, pricer: Pricer, relaxation: Relaxation) -> None:
        """
        By whole buses.
        """
        state = self.state
        # First the fewest buses, for which rough prices do; then the fewest minutes.
        for gap in (BUS_COST / 10, 0.0):
            relaxation.run(gap=gap, buses_max=state.cost[0], stop=self._is_late, tell=self._closing)
            self._note(relaxation.seen)
            self._show()
            state.close_gap()
            if not state.is_settled and not (gap and state.cost[0] == state.bound):
                self._dive(pricer, QUICK)
        state.rounds += relaxation.seen.rounds
        if not self._is_halved and state.block.is_grid_exact and state.cost[0] > state.bound:
            state.bound = buses_needed(state.pool, pricer, state.bound, self._is_late)
            self._note(relaxation.seen)
        if not state.is_settled and not self._is_late():
            self._dive(pricer, CAREFUL)
        if not state.is_settled:
            self._select(relaxation)

    def halve(self) -> None:
        """
        The fewest buses from two small programs, where the whole would take minutes.
        """
        state = self.state
        halves = halves_of(state.block) if state.cost[0] > state.bound else None
        if halves is None:
            return
        self._is_halved = True
        begun_s = self._clock_s()
        self._until_s = begun_s + self._left_s
        for number, gap in enumerate(GAPS):
            self._tell(HALVES_SHARE * (self._begun + self._share * number / len(GAPS)))
            plan = halves.improve(gap, self._is_late)
            is_shown = halves.bound > state.bound
            state.bound = max(state.bound, halves.bound)
            if state.offer(plan) or is_shown:
                self._show()
            if state.cost[0] == state.bound or self._is_late():
                break
        self._left_s -= self._clock_s() - begun_s

    def _sew(self, relaxation: Relaxation) -> bool:
        """
        By the pieces of buses before and after the calm of the day; whether the fewest buses are proven by now.
        """
        state = self.state
        seam = seam_of(state.block)
        if seam is None:
            return False
        sewn = SeamRelaxation(seam, buses_min=state.bound)
        sewn.sow([*state.plan, *state.pool.chains[-SOWN_PER_TRIP * state.block.size :]])
        self._relax_seam(sewn, relaxation)
        self._dive_seam(seam, sewn, seam_dive.QUICK)
        if not self._is_late():
            self._dive_seam(seam, sewn, seam_dive.CAREFUL)
        if not state.is_settled:
            self._select_seam(seam, sewn, relaxation)
        state.rounds += sewn.rounds
        return state.cost[0] == state.bound

    def _relax_seam(self, sewn: SeamRelaxation, relaxation: Relaxation) -> None:
        state = self.state
        while not sewn.is_converged and not self._is_late():
            sewn.run(buses_max=state.cost[0], stop=self._is_late, tell=self._nearing)
            if sewn.prices is not None:
                relaxation.adopt(sewn.prices.trips, sewn.prices.bus, state.cost[0])
            if relaxation.prove_buses():
                sewn.need(relaxation.seen.buses)
        state.pool.add(sewn.chains())
        self._note(relaxation.seen)
        self._show()
        state.close_gap()

    def _dive_seam(self, seam: Seam, sewn: SeamRelaxation, care: seam_dive.SeamCare) -> None:
        state = self.state
        if state.is_settled:
            return
        plan = seam_dive.dive(
            seam,
            sewn.master,
            stop=self._dive_stop(),
            tell=lambda part: self._at(0.5 + 0.3 * part),
            care=care,
        )
        if state.offer(join(state.block, plan)):
            self._show()
        state.close_gap()

    def _select_seam(self, seam: Seam, sewn: SeamRelaxation, relaxation: Relaxation) -> None:
        """
        Among the nearest pieces, then among twice as many, while there is time and something to win.
        """
        state = self.state
        if sewn.prices is None:
            return
        for doubled in range(SELECTIONS_MAX):
            left_s = self._until_s - self._clock_s()
            if doubled and (state.is_near or left_s <= 0):
                return
            work_s = self._options.selection_s
            chosen = select(
                seam,
                sewn.master,
                sewn.prices,
                state.plan,
                gap=self._value - sewn.bound,
                buses=state.bound,
                work_s=max(work_s, min(work_s * 2**doubled, left_s)),
                seed=self._options.seed,
                pieces_max=PIECES_MAX * 2**doubled,
            )
            if chosen.plan is not None:
                state.offer(chosen.plan)
            if chosen.is_best and chosen.gap:
                # A plan with more buses was not looked for.
                more = BUS_COST * (state.bound + 1)
                relaxation.lift(min(self._value, sewn.bound + chosen.gap, more))
                self._note(relaxation.seen)
            self._show()
            state.close_gap()

    @property
    def _value(self) -> float:
        """
        What the best plan costs.
        """
        return BUS_COST * self.state.cost[0] + self.state.cost[1]

    def _dive_stop(self) -> Callable[[], bool]:
        """
        What is begun late has as long again.
        """
        late_s = max(self._until_s, self._clock_s() + self._options.search_s * self._share / 2)
        return lambda: self._clock_s() > late_s

    def _dive(self, pricer: Pricer, care: Care) -> None:
        state = self.state
        plan = dive(
            state.pool,
            pricer,
            stop=self._dive_stop(),
            tell=lambda part: self._at(0.5 + 0.3 * part),
            care=care,
        )
        if state.offer(plan):
            self._show()
        state.close_gap()

    def _select(self, relaxation: Relaxation) -> None:
        """
        Only chains whose price is within the gap can be part of a better plan.
        """
        state, options, seen = self.state, self._options, relaxation.seen
        among = relaxation.nearest(self._value, SELECTED_MAX)
        choice = best_selection(
            state.pool, state.plan, among.numbers, work_s=options.selection_s, seed=options.seed
        )
        if choice.parts is not None:
            state.offer(choice.parts)
        if choice.is_best:
            # Whatever else costs less has a chain that is farther from the bound than all of these.
            relaxation.lift(min(self._value, seen.prices_bound + among.gap))
            self._note(relaxation.seen)
        self._show()
        state.close_gap()

    def _note(self, seen: Relaxed) -> None:
        state = self.state
        if not state.block.is_grid_exact:
            # The pricing looked at a part of all chains, so what it shows is no proof.
            return
        state.bound = max(state.bound, seen.buses)
        bound = whole(seen.bound) if state.block.is_whole else seen.bound
        state.bound_minutes = max(0.0, bound - BUS_COST * state.bound)

    def _closing(self, seen: Relaxed, value: float) -> None:
        self._nearing(seen.bound, value)

    def _nearing(self, bound: float, value: float) -> None:
        gap = max(value - bound, 1e-9)
        self._gap = gap if self._gap is None else max(self._gap, gap)
        self._at(0.5 * (1 - (gap / self._gap) ** 0.25))

    def _at(self, part: float) -> None:
        done = self._begun + self._share * part
        self._tell(HALVES_SHARE + (1 - HALVES_SHARE) * done)

    def _is_late(self) -> bool:
        return self._clock_s() > self._until_s
