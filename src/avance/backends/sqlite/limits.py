import msgspec


class SqliteLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one process may ask of one database file.
    """

    group_ops_max: int = 500
    """Operations that share a transaction."""
    pending_ops_max: int = 20_000
    """Operations that wait for the writer, or for a reader; one more is refused."""
    reads_together_max: int = 64
    """Short reads of one turn of the loop that share a hand-over."""
    long_readers: int = 2
    """Threads for reads that look at many rows, so that the short ones do not wait for them."""
    busy_timeout_ms: int = 5_000
    """How long to wait for another process that writes."""
    checkpoint_interval_s: float = 1.0
    """How often the write-ahead log is emptied into the file while there is writing."""
    log_pages_max: int = 16_000
    """A longer write-ahead log makes the writer wait until it is emptied."""
    wal_bytes_kept_max: int = 67_108_864
    cache_kib: int = 16_384
    file_bytes_max: int | None = None
    """The database refuses to grow beyond it, as if the disk were full."""
    channels_cached_max: int = 50_000
    jobs_cached_max: int = 20_000
    claim_jobs_max: int = 100
    sweep_jobs_max: int = 200
    """Of each reason to move a job, in one call."""
    page_jobs_max: int = 1_000
    stream_publications_max: int = 10_000
    letters_kept_max: int = 10_000
    poll_interval_s: float = 0.025
    """How often an idle writer looks whether another process has written."""


SQLITE_LIMITS = SqliteLimits()
