"""
The kinds of the contract, and the words of this dialect for what the core names otherwise.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from types import MappingProxyType

from avance import Avance, Kind, Priority
from avance.apps.retail.settings import RetailSettings

CATEGORIES = {
    "stock_alert": "inventory",
    "inventory_low": "inventory",
    "order_pending": "sales",
    "order_ready": "sales",
    "price_change": "alerts",
    "system_alert": "system",
}
OTHERS = "alerts"
TYPES = ("inventory", "sales", "alerts", "system")
CHANNELS = ("in_app", "email", "sms", "push")
SOCKET = "websocket"

PRIORITIES = {
    "low": Priority.LOW,
    "medium": Priority.NORMAL,
    "high": Priority.HIGH,
    "critical": Priority.CRITICAL,
}
PRIORITY_WORDS = {priority: word for word, priority in PRIORITIES.items()}


def known_kinds(host: Avance) -> Mapping[str, str]:
    """
    Every kind of this deployment and its category.
    """
    return _with(host.settings.section(RetailSettings).kinds)


@lru_cache(maxsize=8)
def _with(more: tuple[str, ...]) -> Mapping[str, str]:
    return MappingProxyType({**dict.fromkeys(more, OTHERS), **CATEGORIES})


@asynccontextmanager
async def declared(host: Avance) -> AsyncIterator[None]:
    """
    Declare the kinds while the engine runs.
    """
    for name, category in known_kinds(host).items():
        host.kind(Kind(name=name, category=category))
    yield
