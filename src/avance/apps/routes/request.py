"""
What a job is asked to do, small enough to be stored as its argument: JSON, compressed, as text.
"""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from avance.apps.routes.goals import Goal
from avance.apps.routes.model import Route, Vehicle
from avance.apps.routes.solver.options import SearchOptions
from avance.errors import InvalidRequest, TooLarge

PACKED_BYTES_MAX = 250_000
"""The argument of a job may have 262,144 bytes."""


class RoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where travel times come from; an empty URL means great circles.
    """

    table_url: str = ""
    matrix_path: str = ""
    """A file of travel times, which is asked instead."""
    chunk: int = 100
    cache_path: str = ""
    timeout_s: float = 10.0


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the planner wants beyond the rules.
    """

    mode: str = "buses"
    """`buses`, `kilometres`, `balance` or `publishable`."""
    pinned: tuple[tuple[str, str], ...] = ()
    """(a, b): b directly after a."""
    forbidden: tuple[tuple[str, str], ...] = ()
    """(a, b): never b directly after a."""
    buses_max: int | None = None
    """The fleet; None for as many buses as it takes."""
    reference: tuple[tuple[str, ...], ...] = ()
    """The routes of each bus of a plan that is published already."""
    vehicles: tuple[Vehicle, ...] = ()
    """The types that there are; empty for any."""
    goal: Goal = Goal()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    routes: tuple[Route, ...]
    rejected: tuple[Mapping[str, str], ...] = ()
    """Rows of the input that are no route: id and reason."""
    findings: tuple[Any, ...] = ()
    day: str | None = None
    search: SearchOptions = SearchOptions()
    roads: RoadOptions = RoadOptions()
    wishes: Wishes = Wishes()
    seeds: tuple[tuple[int, ...], ...] = ()
    """Chains of an earlier search, by the places of their routes in the list."""
    time_limit_s: float = 3600.0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Request)


def pack(request: Request) -> str:
    """
    Raises:
        TooLarge: It does not fit into a job.
    """
    packed = base64.b85encode(zlib.compress(_encoder.encode(request), 9)).decode("ascii")
    if len(packed) > PACKED_BYTES_MAX:
        raise TooLarge(
            f"{len(request.routes)} routes need {len(packed)} bytes, a job takes {PACKED_BYTES_MAX}; "
            "split them by day or area, or leave out the names of stops",
            code="input_too_large",
            bytes=len(packed),
            bytes_max=PACKED_BYTES_MAX,
        )
    return packed


def unpack(packed: str) -> Request:
    """
    Raises:
        InvalidRequest: It was not made by `pack`.
    """
    try:
        return _decoder.decode(zlib.decompress(base64.b85decode(packed)))
    except (ValueError, zlib.error) as error:
        raise InvalidRequest(
            f"the stored request cannot be read: {error}", code="INVALID_INPUT"
        ) from error
