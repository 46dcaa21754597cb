"""
The limits of the embedded executor.
"""

import msgspec


class EmbeddedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """
    How much may wait, and for how long.
    """

    ahead_s: float = 0.05
    """So much work is fetched before a child is free for it; longer jobs are not fetched ahead."""
    ahead_max: int = 256
    """The most attempts that are fetched ahead."""
    ahead_wait_s: float = 0.2
    """What was fetched ahead and has not begun by then goes back to the queue."""
    backlog_reports_max: int = 1_024
    """Reports of one attempt that wait because the serving side is busy; a task that has told more waits."""
    backlog_bytes_max: int = 4_194_304
    conflate_from: int = 256
    """With so many waiting, ordinary progress replaces the progress before it instead of queueing behind it."""
    write_bytes: int = 65_536
    frame_bytes_max: int = 25_165_824
    """One message between the processes; above the largest result."""
    questions_max: int = 64
    """Questions of one child that are being answered."""
    respawn_wait_s: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
    """After so many children in a row that could not start; the last repeats."""
    ready_timeout_s: float = 120.0
    """For a child to import the program."""
    leave_grace_s: float = 5.0
    """For a child without work to end by itself."""
    close_grace_s: float = 5.0
    """For all that runs when the executor is closed."""
    last_words_s: float = 0.5
    """For reading what a dead child had sent, when a process that it forked keeps the connection open."""
    reap_timeout_s: float = 5.0
    """For the system to end a killed process."""
    cancel_grace_s_min: float = 0.1
    """A coroutine or a thread cannot be killed; it gets at least so long to see that it was asked to stop."""
    abandoned_max: int = 16
    """Coroutines or threads that did not stop and no longer count; with more, their places stay taken."""


EMBEDDED_LIMITS = EmbeddedLimits()
