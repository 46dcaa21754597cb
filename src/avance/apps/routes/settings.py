"""
The settings of this system: `AVANCE_ROUTES_*`, or the bare names of the contract.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


Preset = Literal["minimize_buses", "minimize_cost", "minimize_emissions", "balanced"]


class RoutesSettings(msgspec.Struct, frozen=True, kw_only=True):
    aliases: ClassVar[Mapping[str, str]] = {
        "OSRM_URL": "osrm_url",
        "OSRM_TABLE_URL": "osrm_table_url",
        "WEBSOCKET_ENABLED": "websocket_enabled",
        "CELERY_ENABLED": "celery_enabled",
        "CELERY_TASK_TIME_LIMIT": "task_time_limit_s",
    }

    osrm_url: str = ""
    """An OSRM server (`http://127.0.0.1:5000`) for travel times; without one, great circles."""
    osrm_table_url: str = ""
    """Another server for tables alone; by default the same."""
    matrix_file: str = ""
    """A CSV of travel times (from_lat, from_lon, to_lat, to_lon, seconds) instead of a server; great circles for what is not in it."""
    osrm_chunk: Count = 100
    """Places on each side of one table; 25 for a public server."""
    osrm_timeout_s: Positive = 10.0
    """For one request."""
    websocket_enabled: bool = True
    """Tell where progress can be followed live."""
    celery_app: str = ""
    """The Celery app (`module:app`) whose workers run optimizations; it is attached, and `avance.apps.routes.beside_celery.declare` was called with it."""
    celery_enabled: bool = True
    """Use that app. When its broker does not answer, the workers of avance run the job."""
    task_time_limit_s: Positive = 3600.0
    """For one attempt."""
    routes_max: Count = 3_000
    """In one optimization."""
    upload_bytes_max: Count = 20 * 2**20
    """Of a body or a workbook."""
    search_s: Positive = 30.0
    """For proving and improving a plan, after the first one is there."""
    goal: Preset = "minimize_buses"
    """Where a request names none: `minimize_buses`, `minimize_cost`, `minimize_emissions` or `balanced`."""
    litres_per_km_small: NotNegative = 0.10
    """What a vehicle of up to 9 seats burns; so for what follows."""
    litres_per_km_medium: NotNegative = 0.18
    """Up to 25 seats."""
    litres_per_km_large: NotNegative = 0.30
    """Over 25 seats."""
    co2_kg_per_litre: NotNegative = 2.68
    """2.68 for diesel."""
    duty_hours: Positive = 8.0
    """What a day of a bus is longer is overtime."""
