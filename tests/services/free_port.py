"""
Ports that stay free while the server that they are kept for is not there.
"""

import random
import socket
from pathlib import Path

_LOWEST = 10_240
_AT_LEAST = 10_000
_choose = random.SystemRandom()
"""No test seeds it, so that two workers of the run do not choose the same."""


def free_port() -> int:
    """
    A port that the system gives to no outgoing connection: a client that knocks at one of those while its server is away may be
    given that very port; it is then connected to itself, and the server cannot have its port back.
    """
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = _choose.randrange(_LOWEST, max(first_outgoing, _LOWEST + _AT_LEAST))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
