"""
Published instances with several depots and proven optima: plan and bound meet there.
"""

import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avance.apps.routes.solver.block import MINUTE, Block
from avance.apps.routes.solver.depots.search import DepotSearch
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.search import Found, Told

pytestmark = pytest.mark.timeout(90)

FOLDER = Path(__file__).parent / "published"


def read(name: str) -> tuple[Block, Yard]:
    with zipfile.ZipFile(FOLDER / f"{name}.zip") as archive:
        numbers = np.array(archive.read(f"{name}.inp").split(), dtype=np.int64)
    depots, trips = int(numbers[0]), int(numbers[1])
    costs = numbers[2 + depots :].reshape(depots + trips, depots + trips)
    links = costs[depots:, depots:]
    # A trip has more after it than each of those that come after it.
    order = np.argsort(-(links >= 0).sum(axis=1), kind="stable")
    links = links[np.ix_(order, order)]
    assert not np.tril(links >= 0).any()
    at, ones = np.arange(trips) * MINUTE, np.ones(trips)
    block = Block(
        ids=np.arange(trips),
        lo=at,
        hi=at,
        nominal=at,
        duration=np.zeros_like(at),
        gap=np.zeros_like(links),
        cost=np.where(links >= 0, links, 0).astype(float),
        shift_weight=np.zeros(trips),
        may_follow=links >= 0,
        low=ones,
        high=ones,
    )
    yard = Yard(
        out=costs[:depots, depots:][:, order].astype(float),
        back=costs[depots:, :depots].T[:, order].astype(float),
        fits=np.ones((depots, trips), dtype=bool),
        count=numbers[2 : 2 + depots],
        bus_cost=0.0,
        unserved_cost=1e5,
    )
    return block, yard


def counted(block: Block, yard: Yard, found: Found) -> float:
    assert sorted(trip for bus in found.buses for trip, _ in bus) == list(range(block.size))
    assert all(yard.count[kind] >= many for kind, many in Counter(found.kinds).items())
    cost = 0.0
    for bus, kind in zip(found.buses, found.kinds, strict=True):
        cost += float(yard.out[kind, bus[0][0]] + yard.back[kind, bus[-1][0]])
        for (i, _), (j, _) in pairwise(bus):
            assert block.may_follow[i, j]
            cost += float(block.cost[i, j])
    return cost


@pytest.mark.parametrize(
    ("name", "optimum"), [("n50m2s0", 214_727), ("n50m4s3", 193_722), ("n100m4s0", 285_672)]
)
def test_the_published_optimum_is_found_and_proven(name: str, optimum: int) -> None:
    block, yard = read(name)
    told: list[Told] = []
    search = DepotSearch(block, yard, SearchOptions(shakes=20), told.append, clock_s=lambda: 0.0)
    search.run()
    costs = [counted(block, yard, one) for one in told if isinstance(one, Found)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(search.cost)
    assert (costs[-1], search.bound) == pytest.approx((optimum, optimum))
