"""
School days that are made up: schools, villages around them, entries in the morning and exits in the afternoon. No real people or places.
"""

import math
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from avance.apps.routes.model import DAY_CODES, HOUR, MINUTE, Kind, Route, Stop, clock_text

SIZES: Mapping[str, int] = MappingProxyType({"small": 20, "medium": 100, "large": 228})
CENTRE = (42.6, -8.2)
SPREAD_DEG = 0.22
BELLS_S = (8 * HOUR + 30 * MINUTE, 9 * HOUR, 9 * HOUR + 30 * MINUTE, 10 * HOUR)
LESSONS_S = (5 * HOUR, 5 * HOUR + 30 * MINUTE, 6 * HOUR)
SEATS = ((5, 9), (12, 24), (28, 40), (42, 60))


def sample_day(routes: int, *, seed: int = 1) -> list[Route]:
    """
    A day of so many routes, the same for the same seed.
    """
    random = Random(seed)
    schools = [_school(random, number) for number in range(max(1, round(routes / 10)))]
    entries = routes // 2 + routes % 2
    return [
        _route(random, number, schools[number % len(schools)], is_entry=number < entries)
        for number in range(routes)
    ]


def _school(random: Random, number: int) -> dict[str, float]:
    bell_s = random.choice(BELLS_S) + 5 * MINUTE * random.randrange(-2, 3)
    lat, lon = _near(random, CENTRE, SPREAD_DEG)
    return {
        "number": number,
        "lat": lat,
        "lon": lon,
        "bell_s": bell_s,
        "out_s": bell_s + random.choice(LESSONS_S),
    }


def _route(random: Random, number: int, school: dict[str, float], *, is_entry: bool) -> Route:
    count = random.randrange(3, 8)
    reach_deg = random.uniform(0.03, 0.14)
    angle = random.uniform(0, 2 * math.pi)
    seats = random.choices(SEATS, weights=(2, 3, 3, 4))[0]
    demand = random.randrange(seats[0], seats[1] + 1)
    minutes = round(reach_deg * random.uniform(190, 260)) + count
    stops = []
    for place in range(count):
        share = 1 - place / count
        lat = school["lat"] + reach_deg * share * math.sin(angle) + random.uniform(-0.004, 0.004)
        lon = school["lon"] + reach_deg * share * math.cos(angle) + random.uniform(-0.004, 0.004)
        stops.append(
            Stop(
                name=f"Parada {number + 1}-{place + 1}",
                lat=round(lat, 5),
                lon=round(lon, 5),
                order=place + 1,
                time_from_start=round(minutes * place / count, 1),
                passengers=demand // count,
            )
        )
    school_stop = Stop(
        name=f"Colexio {int(school['number']) + 1}",
        lat=school["lat"],
        lon=school["lon"],
        order=count + 1,
        time_from_start=minutes,
        passengers=0,
        is_school=True,
    )
    fixed = school["bell_s"] - 5 * MINUTE * random.randrange(0, 3) if is_entry else school["out_s"]
    return Route(
        id=f"{'E' if is_entry else 'S'}{number + 1:04d}",
        name=f"Liña {number + 1}",
        type=Kind.ENTRY if is_entry else Kind.EXIT,
        stops=(*stops, school_stop),
        school_id=f"C{int(school['number']) + 1:03d}",
        school_name=f"Colexio {int(school['number']) + 1}",
        arrival_time=clock_text(int(fixed)) if is_entry else None,
        departure_time=None if is_entry else clock_text(int(fixed)),
        capacity_needed=demand,
        days=DAY_CODES,
    )


def _near(random: Random, centre: tuple[float, float], spread_deg: float) -> tuple[float, float]:
    return (
        round(centre[0] + random.uniform(-spread_deg, spread_deg), 5),
        round(centre[1] + random.uniform(-spread_deg, spread_deg), 5),
    )
