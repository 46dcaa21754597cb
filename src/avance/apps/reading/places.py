"""
How a process that reads files begins.
"""

import os
import sys
from pathlib import Path

_START = str(Path(__file__).with_name("start.py"))


def child_command(module: str) -> tuple[str, ...]:
    return (sys.executable, "-P", _START, module)


def child_environment() -> dict[str, str]:
    """
    One thread for libraries that would take every processor.
    """
    return {**os.environ, "OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"}
