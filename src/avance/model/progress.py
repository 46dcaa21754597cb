"""
How a bar moves: never back. Percent is the weight of the phases that are done plus the share of the one that runs.
"""

import math

from msgspec.structs import replace

from avance.model.job import Job, JobLimits, Phase, Progress
from avance.model.report import ProgressMade

ETA_PERCENT_MIN = 5.0
ETA_ELAPSED_MS_MIN = 10_000


def enter_phase(
    job: Job, phase_id: str, label: str | None, now_ms: int, limits: JobLimits
) -> tuple[Phase, ...]:
    """
    Mark a phase as running and those before it as done. A phase that nobody declared is added at the end, without a weight.
    """
    phases = job.phases
    index = next((i for i, phase in enumerate(phases) if phase.id == phase_id), None)
    if index is None:
        if len(phases) >= limits.phases_max:
            return phases
        phases = (*phases, Phase(id=phase_id, label=label or phase_id, weight=0.0))
        index = len(phases) - 1
    shown = job.progress.phase_index
    if shown is not None and index < shown:
        # A new attempt goes through phases that the reader has already seen end.
        return job.phases
    return tuple(
        _place(phase, position, index, label, now_ms) for position, phase in enumerate(phases)
    )


def _place(phase: Phase, position: int, running: int, label: str | None, now_ms: int) -> Phase:
    if position < running and phase.state == "running":
        return replace(phase, state="done", ended_ms=now_ms)
    if position == running and phase.state == "pending":
        return replace(phase, state="running", label=label or phase.label, started_ms=now_ms)
    return phase


def advance(job: Job, told: ProgressMade | None, now_ms: int, limits: JobLimits) -> Job:
    """
    Show new progress; None re-reads the phases alone.
    """
    shown = job.progress
    index = _running_index(job.phases)
    has_new_phase = index is not None and index != shown.phase_index
    candidate = _candidate(job, told, index, limits, keeps_counts=not has_new_phase)
    if (
        job.attempt != job.progress_attempt
        and not has_new_phase
        and _is_behind(job, told, candidate)
    ):
        message = (
            candidate.message if told is not None and told.message is not None else shown.message
        )
        return replace(job, progress=replace(shown, message=message))
    percent = _highest(shown.percent, candidate.percent)
    candidate = replace(candidate, percent=percent)
    return replace(job, progress=_estimate(job, candidate, now_ms), progress_attempt=job.attempt)


def _candidate(
    job: Job, told: ProgressMade | None, index: int | None, limits: JobLimits, *, keeps_counts: bool
) -> Progress:
    shown = job.progress
    phase = None if index is None else job.phases[index]
    base = (
        shown
        if keeps_counts
        else replace(shown, current=None, total=None, unit=None, rate=None, message=None, data=None)
    )
    if told is not None:
        base = replace(
            base,
            current=base.current if told.current is None else told.current,
            total=base.total if told.total is None else told.total,
            unit=told.unit or base.unit,
            message=base.message
            if told.message is None
            else told.message[: limits.message_chars_max],
            data=base.data if told.data is None else told.data,
        )
    given = None if told is None else told.percent
    return replace(
        base,
        percent=_clamp(given) if given is not None else _weighted(job.phases, index, base),
        phase=None if phase is None else phase.id,
        phase_index=index,
        phase_count=len(job.phases) or None,
    )


def _weighted(phases: tuple[Phase, ...], index: int | None, counts: Progress) -> float | None:
    share = 0.0
    if counts.current is not None and counts.total is not None and counts.total > 0:
        share = min(max(counts.current / counts.total, 0.0), 1.0)
    whole = math.fsum(phase.weight for phase in phases)
    if whole <= 0:
        return round(100 * share, 4) if counts.total else None
    done = math.fsum(phase.weight for phase in phases if phase.state in ("done", "skipped"))
    running = 0.0 if index is None or phases[index].state != "running" else phases[index].weight
    return round(min(100 * (done + running * share) / whole, 100.0), 4)


def _is_behind(job: Job, told: ProgressMade | None, candidate: Progress) -> bool:
    shown = job.progress
    if shown.percent is not None:
        return candidate.percent is None or candidate.percent <= shown.percent
    if told is None or told.current is None or shown.current is None:
        return False
    return told.current <= shown.current


def _running_index(phases: tuple[Phase, ...]) -> int | None:
    entered = [i for i, phase in enumerate(phases) if phase.state in ("running", "done")]
    return entered[-1] if entered else None


def _clamp(percent: float) -> float:
    if math.isnan(percent):
        return 0.0
    return round(min(max(percent, 0.0), 100.0), 4)


def _highest(shown: float | None, new: float | None) -> float | None:
    if shown is None or new is None:
        return new if shown is None else shown
    return max(shown, new)


def _estimate(job: Job, progress: Progress, now_ms: int) -> Progress:
    started_ms = job.started_ms
    if started_ms is None or progress.percent is None:
        return progress
    elapsed_ms = now_ms - started_ms
    is_too_early = progress.percent < ETA_PERCENT_MIN or elapsed_ms < ETA_ELAPSED_MS_MIN
    if is_too_early or progress.percent >= 100 or job.attempt > 1:
        return replace(progress, eta_s=None)
    return replace(
        progress, eta_s=round(elapsed_ms * (100 - progress.percent) / progress.percent / 1000, 1)
    )
