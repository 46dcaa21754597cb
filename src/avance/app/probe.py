"""
How the parts are: for `/ready`, `/metrics` and the console.
"""

from collections.abc import Iterable

from avance.app.kernel import Kernel
from avance.edge.http.metrics import Measure, Metrics
from avance.edge.http.services import Health, Probe
from avance.errors import Unavailable
from avance.hub.hub import Hub
from avance.model.job import Job, State
from avance.ports.blobs import Blobs
from avance.ports.store import JobFilter, Store


def probe_store(store: Store) -> Probe:
    """
    A store that answers a small read is well.
    """

    async def probe() -> Health:
        try:
            await store.jobs(JobFilter(limit=1))
        except Unavailable as error:
            return Health(is_ok=False, detail=error.message)
        return Health(is_ok=True)

    return probe


def probe_files(blobs: Blobs) -> Probe:
    """
    A store of files that says what it has not is well. Without it large files are refused, and all else goes on.
    """

    async def probe() -> Health:
        try:
            await blobs.info("health")
        except Unavailable as error:
            return Health(is_ok=False, detail=error.message, is_required=False)
        return Health(is_ok=True, is_required=False)

    return probe


def probe_executor(kernel: Kernel) -> Probe:
    """
    An executor whose workers start is well; without one this node leaves the work to others.
    """

    async def probe() -> Health:
        executor = kernel.executor
        if executor is None:
            return Health(is_ok=True, is_required=False, detail="this node runs no tasks")
        health = executor.health()
        return Health(is_ok=health["ok"], detail=health["reason"], is_required=False)

    return probe


def measure_kernel(kernel: Kernel, metrics: Metrics) -> None:
    """
    Count what ends, and show what runs.
    """

    def ended(job: Job) -> None:
        if job.state.is_terminal:
            metrics.job_ended(job.kind, job.state.value, run_s=_run_s(job), wait_s=_wait_s(job))

    async def running() -> Iterable[Measure]:
        places = {} if kernel.executor is None else kernel.executor.free()
        busy = 0 if kernel.dispatcher is None else kernel.dispatcher.running
        measures = [
            Measure(
                name="avance_jobs_running",
                help="Attempts that run on this node.",
                value=float(busy),
            )
        ]
        measures += [
            Measure(
                name="avance_places_free",
                help="How many more attempts this node takes.",
                value=float(count),
                labels={"runner": runner},
            )
            for runner, count in places.items()
        ]
        return measures

    kernel.reporter.listen(ended)
    metrics.add_source(running)


def measure_hub(hub: Hub, metrics: Metrics) -> None:
    """
    Show who is connected and what is watched.
    """

    async def connected() -> Iterable[Measure]:
        counts = hub.subscriber_counts()
        return [
            Measure(
                name="avance_connections",
                help="Open sockets of the Centrifugo protocol on this node.",
                value=float(len(hub.roster)),
            ),
            Measure(
                name="avance_users",
                help="Users with an open socket on this node.",
                value=float(hub.roster.users),
            ),
            Measure(
                name="avance_channels",
                help="Channels that somebody watches on this node.",
                value=float(len(counts)),
            ),
            Measure(
                name="avance_subscriptions",
                help="Subscriptions on this node.",
                value=float(sum(counts.values())),
            ),
        ]

    metrics.add_source(connected)


def _wait_s(job: Job) -> float | None:
    if job.started_ms is None or job.queued_ms is None or job.attempt > 1:
        return None
    return max(job.started_ms - job.queued_ms, 0) / 1000


def _run_s(job: Job) -> float | None:
    if job.started_ms is None or job.ended_ms is None or job.state is State.EXPIRED:
        return None
    return max(job.ended_ms - job.started_ms, 0) / 1000
