"""
Runs of the embedded engine, each in a fresh process with a fresh store, on all cores.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from benchmarks.harness.places import DATA, REPOSITORY

RUN_TIMEOUT_S = 180


class EmbeddedFailed(Exception):
    """
    A run ended without an answer.
    """


def run_embedded(what: str, count: int, at_once: int) -> dict[str, Any]:
    DATA.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="embedded-", dir=DATA) as data:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.embedded", what, data, str(count), str(at_once)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"},
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        raise EmbeddedFailed(f"{what} ended with {done.returncode}: {done.stderr[-1500:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def medians(samples: Sequence[dict[str, Any]]) -> dict[str, float]:
    keys = ("per_s", "per_cpu_s", "p50_ms", "p99_ms")
    return {key: statistics.median(sample[key] for sample in samples) for key in keys}


def take_turns(
    plan: Sequence[tuple[str, int, int]], rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """
    All of the plan, again and again; samples by what was measured.
    """
    found: dict[str, list[dict[str, Any]]] = {what: [] for what, _, _ in plan}
    for _ in range(rounds):
        for what, count, at_once in plan:
            found[what].append(run_embedded(what, count, at_once))
    return found
