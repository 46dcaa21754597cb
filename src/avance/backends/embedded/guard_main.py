"""
Ends the process groups of the children when their parent is gone. A program of its own, run by path without site packages, because a
child whose task holds the interpreter lock in C cannot see that its parent died, and the kernel's parent-death signal would
spare what the task itself has started.

Reads `+<group>` and `-<group>`, one a line; at the end of the file the groups that are left are killed.
"""

import signal
import sys
from contextlib import suppress
from os import killpg


def main() -> None:
    # A service manager tells every process of the service to stop; the server then ends its children in order.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
