"""
What happens to a job, as frames of this system: for its socket and for its channel in Redis.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from avance.apps.routes.frames import Failed, Progress, error_code_of
from avance.apps.routes.phases import PHASES

NO_END = "The job did not end before its deadline."


def progress_frame(
    job_id: str, progress: Mapping[str, Any], timestamp: str, attempt: int
) -> Progress | None:
    """
    None for what has no place on the bar.
    """
    if progress.get("percent") is None or progress.get("phase") is None:
        return None
    phase = progress["phase"]
    words = PHASES.get(phase)
    data = progress.get("data") or {}
    return Progress(
        job_id=job_id,
        phase=phase,
        # A sum of weights may lie a hair below the whole number that it means.
        progress=int(progress["percent"] + 1e-6),
        message=progress.get("message") or (words.message if words else phase),
        timestamp=timestamp,
        current=progress.get("current"),
        total=progress.get("total"),
        unit=progress.get("unit"),
        eta_s=progress.get("eta_s"),
        attempt=attempt if attempt > 1 else None,
        best_buses=data.get("best_buses"),
    )


def failure_frame(job_id: str, state: str, error: Mapping[str, Any], timestamp: str) -> bytes:
    kind = "expired" if state == "expired" else str(error.get("kind", ""))
    return msgspec.json.encode(
        Failed(
            job_id=job_id,
            error_code=error_code_of(kind, str(error.get("code", ""))),
            message=str(error.get("message") or NO_END),
            timestamp=timestamp,
        )
    )


def attempt_message(word: str, attempt: int) -> str | None:
    """
    What a status says of an attempt after the first.
    """
    return f"Job status: {word} (attempt {attempt})" if attempt > 1 else None
