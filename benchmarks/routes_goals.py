"""
Weighted goals: what does each preset cost by its own weights, beside the plan with the fewest buses, and how far is it from its bound?
"""

import time
from collections.abc import Mapping

from avance.apps.routes.engine import Engine, GuardedSink
from avance.apps.routes.goals import PRESETS, Factors, Goal, amounts_of, cost_of
from avance.apps.routes.request import Request, Wishes
from avance.apps.routes.result import Answer
from avance.apps.routes.sample import sample_day
from avance.apps.routes.settings import Preset
from avance.apps.routes.solve import SolverProcess
from avance.apps.routes.solver.options import SearchOptions
from benchmarks.harness.question import Outcome, Settings, Table, main
from benchmarks.routes import work_s

NAME = "routes_goals"
TITLE = "School days by weighted goals"
SIZES = (100, 228, 300, 600, 1000)
GAP_MAX: Mapping[Preset, float] = {
    "minimize_cost": 0.01,
    "minimize_emissions": 0.001,
    "balanced": 0.02,
}


class Silent:
    """
    Nobody watches.
    """

    def enter(self, phase: str, message: str, /) -> None: ...

    def leave(self, phase: str, /) -> None: ...

    def show(self, *told: object) -> None: ...

    def plan(self, told: Mapping[str, object], /) -> None: ...


def measure(settings: Settings) -> Outcome:
    outcome = Outcome()
    solver = SolverProcess()
    try:
        for size in settings.pick(SIZES, (60,)):
            outcome.tables.append(_table(size, solver, outcome))
    finally:
        solver.end()
    outcome.notes.append(
        "Kilometres, litres and kilograms are those of empty runs. The bound counts overtime and uneven loads as 0. "
        "Every plan was checked by the independent checker."
    )
    return outcome


def _table(size: int, solver: SolverProcess, outcome: Outcome) -> Table:
    table = Table(
        title=f"{size} routes; seconds of one processor",
        columns=("goal", "buses", "fewest buses", "empty km", "overtime h", "shift min", "kg CO2", "cost", "cost of the plan with the fewest buses", "proven bound", "gap %", "s"),
    )  # fmt: skip
    fewest, _ = _plan(size, "minimize_buses", solver)
    usual = amounts_of(fewest.result.schedule, Factors())
    for name, weights in PRESETS.items():
        answer, taken_s = _plan(size, name, solver)
        goal = answer.result.diagnostics["goal"]
        amounts, other = goal["amounts"], round(sum(cost_of(usual, weights).values()), 1)
        row = (
            name,
            amounts["buses"],
            answer.result.diagnostics["lower_bound_buses"],
            round(amounts["deadhead_km"], 1),
            round(amounts["driver_overtime"], 1),
            amounts["time_shift_minutes"],
            round(amounts["co2"], 1),
            round(goal["cost"], 1),
            other,
            goal["lower_bound"],
            None if goal["gap"] is None else round(100 * goal["gap"], 3),
            round(taken_s, 1),
        )
        table.rows.append(row)
        outcome.samples.append({"routes": size, **dict(zip(table.columns, row, strict=True))})
        if name in GAP_MAX:
            outcome.at_most(f"gap, {name}, {size} routes", goal["gap"] or 0.0, GAP_MAX[name])
            outcome.holds(f"{name}, {size} routes: no dearer than fewest", row[7] <= other)
    return table


def _plan(size: int, name: Preset, solver: SolverProcess) -> tuple[Answer, float]:
    solver.warm_up()
    begun_s = work_s(solver)
    request = Request(
        routes=tuple(sample_day(size)),
        search=SearchOptions(),
        wishes=Wishes(goal=Goal(preset=name, weights=PRESETS[name])),
    )
    engine = Engine(request, solver, GuardedSink(Silent()), lambda answer: None, time.monotonic)
    return engine.run(), work_s(solver) - begun_s


if __name__ == "__main__":
    main(NAME, TITLE, measure)
