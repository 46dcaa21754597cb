"""
The whole search over all blocks: a first plan and a bound, better plans by matching, and the best by column generation.
"""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import numpy as np

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.bounds import matching_bound
from avance.apps.routes.solver.chain import Chain, best_starts, is_feasible
from avance.apps.routes.solver.descent import Descent
from avance.apps.routes.solver.fixed import best_of_fixed, is_fixed
from avance.apps.routes.solver.matching import first_plan, join, shaken
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.polish import AnyBus, rebalance
from avance.apps.routes.solver.small import TRIPS_MAX, best_of_all
from avance.apps.routes.solver.state import State

POOL_CHAINS_MAX = 40_000
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
            descents.append(
                Descent(
                    state,
                    self._options,
                    begun=begun,
                    share=share,
                    show=self._show,
                    at=partial(self._step, total=1.0),
                    clock_s=self._clock_s,
                )
            )
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
