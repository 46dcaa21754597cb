"""
What an RQ worker runs.
"""

import os
import time
from pathlib import Path

import avance


def add(a, b):
    return a + b


def talk(count):
    job = avance.current()
    with job.phase("talking"):
        for n in job.track(range(count)):
            job.log(f"line {n}")
    return job.id


def stumble(directory):
    tried = Path(directory, "tried")
    tried.write_text(tried.read_text() + "x" if tried.exists() else "x")
    if len(tried.read_text()) < 3:
        raise ValueError(f"attempt {len(tried.read_text())}")
    return len(tried.read_text())


def hold(directory):
    """
    Goes on when it is let, and never asks whether it should.
    """
    Path(directory, "horse").write_text(str(os.getpid()))
    avance.current().progress(40)
    avance.current().log("holding")
    while not Path(directory, "go").exists():
        time.sleep(0.02)
    return "held"


def ask(directory):
    """
    Asks whether it was cancelled, and cleans up.
    """
    job = avance.current()
    job.progress(40)
    job.log("asking")
    try:
        while True:
            job.checkpoint()
            time.sleep(0.02)
    finally:
        Path(directory, "cleaned").touch()
