from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec


class RetailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    The notification socket and the inventory.
    """

    aliases: ClassVar[Mapping[str, str]] = {"DASHBOARD_API_KEY": "dashboard_api_key"}

    dashboard_api_key: str = "dev"
    """Good in open mode alone, where it may name any user."""
    kinds: tuple[str, ...] = ()
    """Further kinds of notifications, beside the six of the contract."""
    auth_timeout_s: float = 10.0
    """A client without credentials has so long for its auth message."""
    idle_timeout_s: float = 300.0
    """A client that sends nothing for so long, pong included, is closed with 4408."""
    frames_per_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """Frames that one client may send."""
    frames_burst: Annotated[int, msgspec.Meta(ge=1)] = 40
    """So many at once."""
    refusals_max: int = 100
    """Frames over the limit that are answered `rate_limited`; after them the socket is closed with 4429."""
    switches_max: int = 5
    """How often a client may change its user by another auth message, where it may at all."""
    unconfirmed_max: int = 1_000
    """Notifications of a connection that wait for a pong or ack; older ones are sent again on the next connection."""
    held_max: int = 1_000
    """Events that may arrive while a connection reads its first state."""
    socket_wait_s: float = 0.25
    """How long an answer to a send waits to learn that a socket took it."""
    send_wait_s: float = 0.7
    """How long it waits for mail and other channels; what takes longer goes on in the background."""
    import_rows_max: int = 5_000
    """Rows of one CSV file."""
