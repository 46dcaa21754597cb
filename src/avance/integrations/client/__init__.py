"""
The client side of avance for Python programs. Its parts are loaded when they are asked for: the bar alone needs nothing that is not in the core.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avance.integrations.client.client import AsyncClient, Client, JobPage
    from avance.integrations.client.follow import Change
    from avance.integrations.client.limits import ClientLimits
    from avance.integrations.client.reduce import ClientJob

__all__ = ["AsyncClient", "Change", "Client", "ClientJob", "ClientLimits", "JobPage"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from avance.integrations.client import client  # noqa: PLC0415

    return getattr(client, name)
