"""
The first SIGINT or SIGTERM asks to stop, the second one ends the process at once.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_AT_ONCE = 130


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """
    An event that is set when the process was asked to stop.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def stop() -> None:
        if asked.is_set():
            os._exit(EXIT_AT_ONCE)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield asked
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
