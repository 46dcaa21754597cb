"""
The whole search over all blocks: a first plan and a bound, better plans by matching, and the best by column generation.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.bounds import matching_bound, whole
from avance.apps.routes.solver.chain import Chain, best_starts, is_feasible
from avance.apps.routes.solver.colgen import CAREFUL, QUICK, Care, Relaxation, Relaxed, dive
from avance.apps.routes.solver.count import buses_needed
from avance.apps.routes.solver.fixed import best_of_fixed, is_fixed
from avance.apps.routes.solver.halves import GAPS, halves_of
from avance.apps.routes.solver.master import BUS_COST, Pool, best_selection
from avance.apps.routes.solver.matching import first_plan, join, shaken
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.polish import AnyBus, rebalance
from avance.apps.routes.solver.pricing import Pricer
from avance.apps.routes.solver.seam import dive as seam_dive
from avance.apps.routes.solver.seam.colgen import SeamRelaxation
from avance.apps.routes.solver.seam.problem import Seam, seam_of
from avance.apps.routes.solver.seam.select import select
from avance.apps.routes.solver.small import TRIPS_MAX, best_of_all

POOL_CHAINS_MAX = 40_000
SELECTED_MAX = 4_000
"""Chains among which the best plan is chosen: with more nothing is found in time."""
SOWN_PER_TRIP = 4
"""Of the chains known, so many of the newest are where the program of pieces begins."""
HALVES_SHARE = 0.1
"""Of the progress."""
SOWN_SHAKES = 6
"""Where the chains of an earlier search are known, matching finds little that is new."""


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """
    How far a phase is.
    """

    phase: str
    done: float
    total: float = 1.0


class Found(msgspec.Struct, frozen=True, kw_only=True, tag="found"):
    """
    A plan that is better than the one before, or a better bound.
    """

    buses: list[list[tuple[int, int]]]
    """(trip, start) of each bus."""
    minutes: float
    bound: int
    bound_minutes: float
    """With the fewest buses, no plan has fewer minutes; 0 while nothing is shown."""
    certificate: list[int]
    phase: str
    kinds: list[int] = []
    """Where vehicles stand at depots: of which kind each bus is."""
    goal_bound: float = 0.0
    """By a weighted goal no plan costs less; 0 while nothing is shown."""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    rounds: int = 0
    chains: int = 0
    failures: int = 0
    splits: int = 0
    pool: list[list[int]] = []
    """Chains worth keeping for the next search, in numbers of the whole problem."""


Told = Step | Found | Ended
Tell = Callable[[Told], None]


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

    def close_gap(self) -> None:
        self.is_settled = self.is_settled or (
            self.cost[0] == self.bound and self.cost[1] <= self.bound_minutes + 1e-6
        )


class Search:
    """
    Runs to its end; whoever wants it to stop ends its process.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        options: SearchOptions,
        tell: Tell,
        *,
        clock_s: Callable[[], float],
        seeds: Sequence[Sequence[int]] = (),
    ) -> None:
        self._states = [State(block) for block in blocks]
        self._options = options
        self._tell = tell
        self._clock_s = clock_s
        self._random = np.random.default_rng(options.seed)
        self._phase = "building_chains"
        for state in self._states:
            _sow(state, seeds)

    @property
    def states(self) -> Sequence[State]:
        """
        What is known of each block, in their order.
        """
        return self._states

    def run(self) -> None:
        self._build()
        self._match()
        self._search()
        self._tell(
            Ended(
                rounds=sum(state.rounds for state in self._states),
                chains=sum(len(state.pool) for state in self._states),
                failures=sum(state.failures for state in self._states),
                splits=sum(state.splits for state in self._states),
                pool=self._kept(),
            )
        )

    def _build(self) -> None:
        """
        A bound and a first plan.
        """
        done, total = 0, sum(state.block.size for state in self._states)
        for state in self._states:
            found = matching_bound(state.block)
            state.bound, state.certificate = found.buses, found.certificate.tolist()
            self._step(done + state.block.size / 2, total)
            if state.block.size <= TRIPS_MAX:
                state.offer(best_of_all(state.block))
                state.bound, state.bound_minutes = state.cost
                state.is_settled = True
            elif is_fixed(state.block):
                state.offer(best_of_fixed(state.block))
                state.bound, state.bound_minutes = state.cost
                state.is_settled = True
            else:
                grown = _grown(state) if state.is_sown else None
                state.offer(first_plan(state.block, state.cut))
                if grown is not None:
                    state.offer(grown)
            done += state.block.size
            self._step(done, total)
        self._show()

    def _match(self) -> None:
        """
        Take buses apart and join them anew, many times.
        """
        self._phase = "matching_blocks"
        open_states = [state for state in self._states if not state.is_settled]
        total = self._options.shakes * max(len(open_states), 1)
        for number in range(self._options.shakes):
            for place, state in enumerate(open_states):
                if state.is_sown and number >= SOWN_SHAKES:
                    continue
                share = float(self._random.uniform(0.1, 0.6))
                plan = shaken(state.block, state.plan, self._random, share=share)
                state.pool.add(plan)
                if state.offer(plan):
                    self._show()
                self._step(number * len(open_states) + place + 1, total)

    def _search(self) -> None:
        self._phase = "local_search"
        open_states = [state for state in self._states if not state.is_settled]
        whole = sum(state.block.size for state in open_states)
        descents, begun = [], 0.0
        for state in sorted(open_states, key=lambda one: one.block.size):
            share = state.block.size / whole
            descents.append(_Descent(self, state, begun, share))
            begun += share
        # The fewest buses of all come before the fewest minutes of any.
        for descent in descents:
            descent.halve()
        for descent in descents:
            descent.run()
            self._rebalance(descent.state)
            self._show()

    def _rebalance(self, state: State) -> None:
        """
        Even load is the last goal: it may cost minutes only where it was asked for.
        """
        allowed = self._options.balance_minutes
        buses = [(0, chain) for chain in state.plan]
        moved = rebalance(AnyBus(state.block), buses, minutes_max=allowed)
        plan = [chain for _, chain in moved]
        minutes = state.pool.minutes_of_plan(plan)
        if len(plan) == len(state.plan) and minutes <= state.cost[1] + allowed * len(plan) + 1e-9:
            state.plan, state.cost = plan, (len(plan), minutes)

    def _step(self, done: float, total: float) -> None:
        self._tell(Step(phase=self._phase, done=done, total=total))

    def _show(self) -> None:
        """
        Tell the plan of all blocks, once each has one.
        """
        if not all(state.plan for state in self._states):
            return
        buses: list[list[tuple[int, int]]] = []
        for state in self._states:
            ids = state.block.ids
            for chain in state.plan:
                starts, _ = best_starts(state.block, chain)
                buses.append([(int(ids[t]), s) for t, s in zip(chain, starts, strict=True)])
        self._tell(
            Found(
                buses=sorted(buses, key=lambda bus: (bus[0][1], bus[0][0])),
                minutes=sum(state.cost[1] for state in self._states),
                bound=sum(state.bound for state in self._states),
                bound_minutes=sum(state.bound_minutes for state in self._states),
                certificate=sorted(
                    int(state.block.ids[t]) for state in self._states for t in state.certificate
                ),
                phase=self._phase,
            )
        )

    def _kept(self) -> list[list[int]]:
        kept: list[list[int]] = []
        for state in self._states:
            kept += [state.block.ids[list(chain)].tolist() for chain in state.pool.chains]
        return kept[-POOL_CHAINS_MAX:]


class _Descent:
    """
    Column generation for one block.
    """

    def __init__(self, search: Search, state: State, begun: float, share: float) -> None:
        self._search = search
        self.state = state
        self._begun = begun
        self._share = share
        self._left_s = search._options.search_s * share
        self._until_s = 0.0
        self._is_halved = False
        self._gap: float | None = None

    def run(self) -> None:
        state, search = self.state, self._search
        self._until_s = search._clock_s() + self._left_s
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
        state, search = self.state, self._search
        # First the fewest buses, for which rough prices do; then the fewest minutes.
        for gap in (BUS_COST / 10, 0.0):
            relaxation.run(gap=gap, buses_max=state.cost[0], stop=self._is_late, tell=self._closing)
            self._note(relaxation.seen)
            search._show()
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
        state, search = self.state, self._search
        halves = halves_of(state.block) if state.cost[0] > state.bound else None
        if halves is None:
            return
        self._is_halved = True
        begun_s = search._clock_s()
        self._until_s = begun_s + self._left_s
        for number, gap in enumerate(GAPS):
            search._step(HALVES_SHARE * (self._begun + self._share * number / len(GAPS)), 1.0)
            plan = halves.improve(gap, self._is_late)
            is_shown = halves.bound > state.bound
            state.bound = max(state.bound, halves.bound)
            if state.offer(plan) or is_shown:
                search._show()
            if state.cost[0] == state.bound or self._is_late():
                break
        self._left_s -= search._clock_s() - begun_s

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
        self._search._show()
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
            self._search._show()
        state.close_gap()

    def _select_seam(self, seam: Seam, sewn: SeamRelaxation, relaxation: Relaxation) -> None:
        state, options = self.state, self._search._options
        if sewn.prices is None:
            return
        chosen = select(
            seam,
            sewn.master,
            sewn.prices,
            state.plan,
            gap=self._value - sewn.bound,
            buses=state.bound,
            work_s=options.selection_s,
            seed=options.seed,
        )
        if chosen.plan is not None:
            state.offer(chosen.plan)
        if chosen.is_best and chosen.gap:
            # A plan with more buses was not looked for.
            more = BUS_COST * (state.bound + 1)
            relaxation.lift(min(self._value, sewn.bound + chosen.gap, more))
            self._note(relaxation.seen)
        self._search._show()
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
        search = self._search
        late_s = max(self._until_s, search._clock_s() + search._options.search_s * self._share / 2)
        return lambda: search._clock_s() > late_s

    def _dive(self, pricer: Pricer, care: Care) -> None:
        state, search = self.state, self._search
        plan = dive(
            state.pool,
            pricer,
            stop=self._dive_stop(),
            tell=lambda part: self._at(0.5 + 0.3 * part),
            care=care,
        )
        if state.offer(plan):
            search._show()
        state.close_gap()

    def _select(self, relaxation: Relaxation) -> None:
        """
        Only chains whose price is within the gap can be part of a better plan.
        """
        state, options, seen = self.state, self._search._options, relaxation.seen
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
        self._search._show()
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
        self._search._step(HALVES_SHARE + (1 - HALVES_SHARE) * done, 1.0)

    def _is_late(self) -> bool:
        return self._search._clock_s() > self._until_s


def _sow(state: State, seeds: Sequence[Sequence[int]]) -> None:
    """
    Put chains of an earlier search into the pool, as far as they can still be driven.
    """
    place = {int(number): at for at, number in enumerate(state.block.ids)}
    for seed in seeds:
        if all(number in place for number in seed):
            chain = tuple(place[number] for number in seed)
            if is_feasible(state.block, chain):
                state.pool.add([chain])
                state.is_sown = True


def _grown(state: State) -> list[Chain]:
    """
    A plan from what was sown: the plan before came last, so it is taken first, and the rest is joined to it.
    """
    left = set(range(state.block.size))
    chosen: list[Chain] = []
    for chain in reversed(state.pool.chains):
        if left.issuperset(chain):
            chosen.append(chain)
            left.difference_update(chain)
    return join(state.block, [*chosen, *((trip,) for trip in sorted(left))])
