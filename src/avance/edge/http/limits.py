import msgspec


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one request may bring and how often.
    """

    body_bytes_max: int = 1_048_576
    """A larger body is refused with 413 while it arrives; routes for files have limits of their own."""
    query_fields_max: int = 64
    """A query string with more is refused."""
    page_jobs_max: int = 200
    """The most jobs in one page of a list."""
    page_events_max: int = 500
    """The most events in one answer."""
    wait_s_max: float = 30.0
    """The longest long-poll."""
    long_polls_max: int = 2_000
    """Requests that wait for events at the same time; one more is answered 503."""
    job_token_ttl_s: float = 900.0
    """Life of the token in a submit answer, which can read that one job."""
    token_ttl_s_max: float = 3_600.0
    """The longest life of a token that users make for themselves."""
    token_ttl_s_max_admin: float = 30 * 86_400.0
    """The longest life of a token that admins make over HTTP."""
    token_channels_max: int = 100
    """Channels that one token may list."""
    query_token_ttl_s_max: float = 900.0
    """A token in a query string, which ends up in logs and histories, must end this soon."""
    starts_per_minute: int = 300
    """Requests that start work, for each user of role user, in token mode; 0 is no limit."""
    starts_per_minute_address: int = 3_000
    """The same for each address, whoever is behind it."""
    refusals_per_minute_address: int = 120
    """Bad credentials from one address that are answered 401; further ones 429."""
    rate_keys_max: int = 100_000
    """Users and addresses that are counted; above it the longest silent ones are forgotten."""
    probe_timeout_s: float = 2.0
    """A part that does not tell its health within this is not ready."""
    metric_kinds_max: int = 200
    """Task names with series of their own; the others are counted as `other`."""
