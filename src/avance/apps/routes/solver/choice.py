"""
Whole buses that cover every trip at the least cost, chosen among some.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import highspy
import numpy as np

from avance.apps.routes.solver.block import Floats, Ints
from avance.apps.routes.solver.cover import (
    INFINITE,
    NO_KINDS,
    add_columns,
    add_rows,
    quiet_solver,
)

WALL_FACTOR = 3.0
"""On a busy machine the work takes longer, but nobody waits for more than so many times what it was given."""
_DONE = (
    highspy.HighsModelStatus.kOptimal,
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kObjectiveBound,
)


Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True)
class Choice(Generic[Part]):
    parts: list[Part] | None
    """None where nothing below the value was found."""
    is_best: bool
    """No other choice costs less; where there is none, none costs less than the value."""


def best_choice(
    rows: Sequence[Sequence[int]],
    costs: Floats,
    *,
    trips: int,
    counts: Ints = NO_KINDS,
    value: float,
    work_s: float,
    seed: int,
    clock_s: Callable[[], float] = time.process_time,
) -> Choice[int]:
    """
    Each trip exactly once, below `value`, as far as the time allows.

    Args:
        rows: Of each column: its trips, and its kind counted on from them.
        work_s: Of a processor, so that a busy machine comes to the same plan.
    """
    if not rows:
        return Choice(parts=None, is_best=True)
    solver = quiet_solver()
    add_rows(solver, np.ones(trips), np.ones(trips))
    add_rows(solver, np.full(len(counts), -INFINITE), counts.astype(float))
    add_columns(solver, rows, costs, most=1.0)
    return whole_choice(solver, value=value, work_s=work_s, seed=seed, clock_s=clock_s)


def whole_choice(
    solver: highspy.Highs,
    *,
    value: float,
    work_s: float,
    seed: int,
    clock_s: Callable[[], float] = time.process_time,
) -> Choice[int]:
    """
    Each column of the program wholly or not at all.
    """
    for name, option in (
        ("time_limit", WALL_FACTOR * work_s),
        ("random_seed", seed),
        ("mip_rel_gap", 1e-9),
        ("objective_bound", value),
    ):
        solver.setOptionValue(name, option)
    count = solver.getNumCol()
    solver.changeColsIntegrality(
        count, np.arange(count, dtype=np.int32), np.full(count, highspy.HighsVarType.kInteger)
    )
    _stop_after(solver, work_s, clock_s)
    solver.run()
    is_best = solver.getModelStatus() in _DONE
    solution = solver.getSolution()
    if not solution.value_valid or solver.getInfo().objective_function_value > value - 1e-6:
        return Choice(parts=None, is_best=is_best)
    chosen: list[int] = np.flatnonzero(np.array(solution.col_value) > 0.5).tolist()
    return Choice(parts=chosen, is_best=is_best)


def _stop_after(solver: highspy.Highs, work_s: float, clock_s: Callable[[], float]) -> None:
    until_s = clock_s() + work_s

    def ask(kind: Any, message: str, known: Any, answer: Any, beside: Any) -> None:
        answer.user_interrupt = clock_s() > until_s

    solver.setCallback(ask, None)
    solver.startCallback(highspy.cb.HighsCallbackType.kCallbackMipInterrupt)
