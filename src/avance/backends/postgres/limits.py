import msgspec


class PostgresLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one process may ask of one database.
    """

    connect_timeout_s: float = 5.0
    start_wait_s: float = 30.0
    """At the start a database that is away is waited for so long; machines come up in any order."""
    statement_timeout_s: float = 60.0
    """A statement that runs longer is given up; migrations may take their time."""
    readers: int = 4
    """Connections for short reads."""
    long_readers: int = 2
    """Connections for reads that look at many rows."""
    workers: int = 3
    """Connections for claims, sweeps and retention. With the two that write and the one that listens, a node has at most 12."""
    group_ops_max: int = 500
    """Operations that share a transaction."""
    pending_ops_max: int = 20_000
    """Operations that wait for the database; one more is refused."""
    repeats_max: int = 10
    """How often a transaction is tried that another node is in the way of."""
    outcome_wait_s: float = 5.0
    """How long to ask whether a commit arrived whose answer was lost."""
    lease_grace_s: float = 15.0
    """After the database was away no worker counts as lost for so long: none of them could renew."""
    claim_jobs_max: int = 100
    sweep_jobs_max: int = 200
    """Of each reason to move a job, in one call."""
    trim_jobs_max: int = 500
    """Jobs whose log or record goes in one round."""
    page_jobs_max: int = 1_000
    stream_publications_max: int = 10_000
    notify_bytes_max: int = 7_000
    """A notification of PostgreSQL carries less than 8,000 bytes; what is larger is looked up."""
    letters_kept_s: float = 300.0
    outgoing_messages_max: int = 10_000
    """Letters that wait for the database; above it the oldest are dropped."""
    reconnect_s: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 1.0)
    """Between tries to listen again; the last repeats."""
    silence_s: float = 10.0
    """The listening connection is asked for a sign of life so often."""


POSTGRES_LIMITS = PostgresLimits()
