"""
Why a plan is as it is, in plain Spanish and English.
"""

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from avance.apps.routes.capacity import may_follow
from avance.apps.routes.model import MINUTE, Bus, Item, Point, Trip, clock_seconds
from avance.apps.routes.trips import Roads, gap_min

TIGHT_MIN = 5.0

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "es": {
            "first": "{route} es el primer servicio de {bus}: ningún trayecto en vacío.",
            "after": "{route} va en {bus} después de {before}: {gap} min en vacío y {slack:g} min de margen.",
            "not_before": "{bus} no puede llevar {route}: {minutes:g} min tarde para ir después de {before}.",
            "not_after": "{bus} no puede llevar {route}: llegaría {minutes:g} min tarde a {after}.",
            "not_demand": "{bus} no puede llevar {route}: {a:g} y {b:g} plazas no pueden ir seguidas.",
            "not_seats": "{bus} no puede llevar {route}: ningún vehículo vale para todos sus servicios.",
            "could": "{bus} podría llevar {route}: {minutes:+g} min en vacío en esos dos autobuses; el reparto elegido cuesta menos en conjunto.",
            "fewer": "No basta con {fewer} autobuses: de estos {count} servicios, dos cualesquiera no caben en el mismo autobús.",
            "fewer_lp": "No basta con {fewer} autobuses: lo demuestra la cota del programa lineal ({bound}).",
            "from_depot": "{route} es el primer servicio de {bus}: {gap} min en vacío desde su cochera.",
            "not_vehicle": "{bus} no puede llevar {route}: su vehículo tiene {seats:g} plazas.",
            "fleet_mix": "Con los {vehicles} vehículos que hay quedan fuera {unserved} servicios: los que sobran no valen para ellos, y los demás están ocupados.",
            "fleet": "La flota de {buses} autobuses no alcanza para {unserved} servicios; para todos hacen falta al menos {needed}.",
            "goal_proven": "Según el objetivo {preset} ningún plan cuesta menos que este ({cost:g}), use los autobuses que use; al menos hacen falta {bound}.",
            "goal_open": "Son {buses} autobuses y al menos hacen falta {bound}. Según el objetivo {preset} este plan cuesta {cost:g}, y está demostrado que ninguno cuesta menos de {lower:g}.",
            "one": "Sin ningún autobús no hay servicio: uno es lo mínimo.",
            "open": "Se conocen {buses} autobuses y la cota demostrada es {bound}; no está demostrado que sobre ninguno.",
            "no_usable_time": "{route} no tiene una hora que se pueda usar.",
            "starts_before_06:00": "{route} tendría que salir antes de las 06:00, aun adelantando o retrasando lo permitido.",
            "no_vehicle_fits": "Ningún vehículo vale para {route}.",
            "no_bus_left": "Para {route} no queda sitio en ningún autobús de la flota.",
            "other": "{route} no se pudo leer: {reason}.",
        },
        "en": {
            "first": "{route} is the first service of {bus}: no empty run.",
            "after": "{route} is on {bus} after {before}: {gap} min empty and {slack:g} min to spare.",
            "not_before": "{bus} cannot take {route}: {minutes:g} min too late after {before}.",
            "not_after": "{bus} cannot take {route}: it would be {minutes:g} min late for {after}.",
            "not_demand": "{bus} cannot take {route}: {a:g} and {b:g} seats may not follow each other.",
            "not_seats": "{bus} cannot take {route}: no vehicle fits all of its services.",
            "could": "{bus} could take {route}: {minutes:+g} min empty on these two buses; the plan as a whole costs less as it is.",
            "fewer": "{fewer} buses are not enough: of these {count} services no two fit on one bus.",
            "fewer_lp": "{fewer} buses are not enough: the bound of the linear program proves it ({bound}).",
            "from_depot": "{route} is the first service of {bus}: {gap} min empty from its depot.",
            "not_vehicle": "{bus} cannot take {route}: its vehicle has {seats:g} seats.",
            "fleet_mix": "With the {vehicles} vehicles that there are, {unserved} services are left out: those that stand idle do not fit them, and the others are taken.",
            "fleet": "The fleet of {buses} buses leaves out {unserved} services; for all of them at least {needed} are needed.",
            "goal_proven": "By the goal {preset} no plan costs less than this one ({cost:g}), whatever number of buses it has; at least {bound} are needed.",
            "goal_open": "There are {buses} buses and at least {bound} are needed. By the goal {preset} this plan costs {cost:g}, and it is proven that none costs less than {lower:g}.",
            "one": "Without a bus there is no service: one is the least.",
            "open": "{buses} buses are known and the proven bound is {bound}; it is not proven that none is too many.",
            "no_usable_time": "{route} has no time that can be used.",
            "starts_before_06:00": "{route} would have to start before 06:00, even with all shifts allowed.",
            "no_vehicle_fits": "No vehicle fits {route}.",
            "no_bus_left": "No bus of the fleet has room left for {route}.",
            "other": "{route} could not be read: {reason}.",
        },
    }
)


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    text: str
    values: dict[str, Any]
    routes: tuple[str, ...] = ()


class Explainer:
    """
    One checked schedule.
    """

    def __init__(
        self, schedule: Sequence[Bus], trips: Mapping[str, Trip], roads: Roads, language: str
    ) -> None:
        self._schedule = schedule
        self._trips = trips
        self._roads = roads
        self._words = WORDS.get(language, WORDS["en"])

    def why(self, route_id: str) -> Explanation | None:
        """
        Why a route is on its bus.
        """
        for bus in self._schedule:
            for before, item in zip((None, *bus.items), bus.items, strict=False):
                if item.route_id == route_id:
                    return self._placed(bus, before, item)
        return None

    def why_not(self, route_id: str, bus_id: str) -> Explanation | None:
        """
        Why a route is not on another bus: the rule that forbids it, or what it would cost.
        """
        bus = next((one for one in self._schedule if one.bus_id == bus_id), None)
        trip = self._trips.get(route_id)
        if bus is None or trip is None:
            return None
        others = [self._trips[item.route_id] for item in bus.items if item.route_id != route_id]
        seats = [trip, *others]
        least = max(trip.seats_min, trip.demand)
        if bus.vehicle_seats and not least <= bus.vehicle_seats <= trip.seats_max:
            return self._say("not_vehicle", bus=bus_id, route=route_id, seats=bus.vehicle_seats)
        if max(t.seats_min for t in seats) > min(t.seats_max for t in seats):
            return self._say("not_seats", bus=bus_id, route=route_id)
        found = [self._insert(bus, trip, others, place) for place in range(len(others) + 1)]
        fitting = [one for one in found if isinstance(one, int)]
        if fitting:
            minutes = min(fitting) - self._removal(route_id)
            return self._say("could", bus=bus_id, route=route_id, minutes=minutes)
        refused = [one for one in found if isinstance(one, tuple)]
        code, values = min(refused, key=lambda one: one[1].get("minutes", 1e9))
        return self._say(code, bus=bus_id, route=route_id, **values)

    def why_not_fewer(self, diagnostics: Mapping[str, Any]) -> Explanation:
        """
        The proof that a bus less is not enough, as far as there is one.
        """
        buses, bound = diagnostics["best_buses"], diagnostics["lower_bound_buses"]
        certificate = tuple(diagnostics["certificate"])
        if unserved := diagnostics.get("unserved_routes"):
            needed = diagnostics["buses_needed"]
            if vehicles := diagnostics.get("vehicles"):
                return self._say("fleet_mix", vehicles=vehicles, unserved=unserved)
            return self._say("fleet", buses=buses, unserved=unserved, needed=needed)
        if buses > bound:
            return self._more_than_needed(buses, bound, diagnostics.get("goal") or {})
        if buses <= 1:
            return self._say("one")
        if len(certificate) == bound:
            return self._say("fewer", routes=certificate, fewer=buses - 1, count=len(certificate))
        return self._say("fewer_lp", routes=certificate, fewer=buses - 1, bound=bound)

    def _more_than_needed(self, buses: int, bound: int, goal: Mapping[str, Any]) -> Explanation:
        """
        By a weighted goal more buses than needed may be the better plan.
        """
        lower = goal.get("lower_bound")
        if lower is None:
            return self._say("open", buses=buses, bound=bound)
        told = {"bound": bound, "preset": goal["preset"], "cost": goal["cost"]}
        if goal["status"] == "optimal":
            return self._say("goal_proven", **told)
        return self._say("goal_open", buses=buses, lower=lower, **told)

    def why_left_out(self, route_id: str, reason: str) -> Explanation:
        code = reason if reason in self._words else "other"
        return self._say(code, route=route_id, reason=reason)

    def _placed(self, bus: Bus, before: Item | None, item: Item) -> Explanation:
        if before is None and bus.depot:
            gap = bus.pull_out_minutes or 0
            return self._say("from_depot", route=item.route_id, bus=bus.bus_id, gap=gap)
        if before is None:
            return self._say("first", route=item.route_id, bus=bus.bus_id)
        free = clock_seconds(item.start_time) - clock_seconds(before.end_time)
        return self._say(
            "after",
            route=item.route_id,
            bus=bus.bus_id,
            before=before.route_id,
            gap=item.deadhead_minutes,
            slack=free / MINUTE - item.deadhead_minutes,
        )

    def _insert(
        self, bus: Bus, trip: Trip, others: Sequence[Trip], place: int
    ) -> int | tuple[str, dict[str, Any]]:
        """
        The empty minutes that it adds at this place, or what stands against it.
        """
        chain = [*others[:place], trip, *others[place:]]
        at = 0
        for number, one in enumerate(chain):
            if number:
                before = chain[number - 1]
                if not may_follow(before.demand, one.demand):
                    return "not_demand", {"a": before.demand, "b": one.demand}
                at += before.duration_s + MINUTE * gap_min(before.end, one.start, self._roads)
            at = max(at, one.earliest_s)
            if at > one.latest_s:
                late = {"minutes": (at - one.latest_s) / MINUTE}
                if one is trip:
                    return "not_before", {**late, "before": chain[number - 1].route_id}
                return "not_after", {**late, "after": one.route_id}
        return self._empty(bus, chain) - self._empty(bus, others)

    def _removal(self, route_id: str) -> int:
        bus = next(b for b in self._schedule if any(i.route_id == route_id for i in b.items))
        chain = [self._trips[item.route_id] for item in bus.items]
        others = [t for t in chain if t.route_id != route_id]
        return self._empty(bus, chain) - self._empty(bus, others)

    def _empty(self, bus: Bus, chain: Sequence[Trip]) -> int:
        between = sum(gap_min(a.end, b.start, self._roads) for a, b in itertools.pairwise(chain))
        if not bus.depot or not chain:
            return between
        depot = Point(bus.depot.lat, bus.depot.lon)
        return (
            gap_min(depot, chain[0].start, self._roads)
            + between
            + gap_min(chain[-1].end, depot, self._roads)
        )

    def _say(self, code: str, routes: tuple[str, ...] = (), **values: Any) -> Explanation:
        return Explanation(
            code=code, text=self._words[code].format(**values), values=values, routes=routes
        )
