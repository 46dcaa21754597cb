"""
`avance.client.AsyncClient` and `Client`: follow jobs from Python. Loaded when asked for, as the package behind it is.
"""

from typing import TYPE_CHECKING, Any

from avance.integrations import client as _behind

if TYPE_CHECKING:
    from avance.integrations.client import (
        AsyncClient,
        Change,
        Client,
        ClientJob,
        ClientLimits,
        JobPage,
    )

__all__ = ["AsyncClient", "Change", "Client", "ClientJob", "ClientLimits", "JobPage"]


def __getattr__(name: str) -> Any:
    return getattr(_behind, name)
