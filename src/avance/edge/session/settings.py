import msgspec


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    How clients of the Centrifugo protocol are served.
    """

    version: str = "avance"
    """Told in the connect reply; never empty, because clients check it."""
    ping_interval_s: float = 25.0
    """0 is without pings; clients are told whole seconds."""
    pong_timeout_s: float = 8.0
    stale_s: float = 10.0
    """A connection that sends no connect command for so long is closed (3502)."""
    expiry_grace_s: float = 25.0
    """A client may refresh its token so long after its end."""
    subscriptions_max: int = 128
    """Of one connection."""
    commands_waiting_max: int = 1_024
    """Commands of one connection that wait for the one under way."""
    connections_max: int = 100_000
    """Of this node."""
    connections_per_user_max: int | None = 50
    connections_per_address_max: int | None = None
    """Many users may stand behind one address, so this has no default."""
    inbound_per_s: float | None = 100.0
    """Messages of one connection, on average; None is without limit."""
    inbound_burst: int = 200
    history_limit_max: int = 300
    has_anonymous: bool = False
    """Who brings no token is let in as the user ""."""
    is_insecure: bool = False
    """Everybody may do everything, and no token is asked for. For tests on loopback."""
    has_personal_channel: bool = False
    """Every user is subscribed to a channel of its own at connect."""
    personal_namespace: str = ""
