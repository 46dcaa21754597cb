"""
What the console shows an operator: numbers, workers, connections.
"""

from collections import Counter
from collections.abc import Sequence

from avance.app.kernel import Kernel
from avance.app.records import Records
from avance.edge.http.operation_shapes import (
    ConnectionList,
    ConnectionView,
    NodeView,
    PlaceView,
    StatsAnswer,
    WorkerView,
)
from avance.errors import NotFound
from avance.hub.hub import Hub
from avance.hub.letters import Disconnect
from avance.hub.roster import ConnectionInfo
from avance.model.job import Job, State
from avance.model.moment import wire_time
from avance.ports.records import Rows
from avance.protocol.codes import DISCONNECT_FORCE

MINUTE_MS = 60_000
HOUR_MINUTES = 60
DAY_MS = 24 * 60 * MINUTE_MS
_WAITING = (State.SCHEDULED, State.QUEUED, State.RETRYING)
_FAILED = (State.FAILED, State.EXPIRED)


class ServerOperations:
    """
    Reads what is there anyway; nothing is counted for it but the ends of jobs.
    """

    def __init__(self, kernel: Kernel, records: Records, hub: Hub, *, lease_s: float) -> None:
        self._kernel = kernel
        self._records = records
        self._hub = hub
        self._lease_ms = round(lease_s * 1000)
        self._ended: Counter[State] = Counter()
        self._is_paused = False
        kernel.reporter.listen(self._observe)

    async def stats(self, owner: str | None, tenant: str | None, /) -> StatsAnswer:
        """
        Count by state, and by minute what ended within the last hour.
        """
        now_ms = self._kernel.clock.now_ms()
        wanted = [
            (f" AND {name} = ?", value) for name, value in (("owner", owner), ("tenant", tenant))
        ]
        narrow = "".join(sql for sql, value in wanted if value is not None)
        values = [value for _, value in wanted if value is not None]

        def work(rows: Rows) -> tuple[Sequence[tuple[object, ...]], Sequence[tuple[object, ...]]]:
            active = rows.all(
                f"SELECT state, count(*) FROM jobs WHERE is_active{narrow} GROUP BY state",
                *values,
            )
            # The index of ended jobs begins with whether they still have their log.
            ended = rows.all(
                f"SELECT state, ended_ms / {MINUTE_MS} AS minute, count(*) FROM jobs"
                f" WHERE has_log IN (false, true) AND ended_ms >= ?{narrow} GROUP BY state, minute",
                now_ms - DAY_MS,
                *values,
            )
            return active, ended

        active, ended = await self._records.read(work, is_long=True)
        return _stats(active, ended, now_ms // MINUTE_MS)

    async def workers(self) -> Sequence[WorkerView]:
        """
        That of this server, then those that hold leases elsewhere.
        """
        now_ms = self._kernel.clock.now_ms()

        def work(rows: Rows) -> Sequence[tuple[object, ...]]:
            return rows.all(
                "SELECT worker, count(*), max(lease_until_ms) FROM runs GROUP BY worker ORDER BY worker"
            )

        leases = {str(row[0]): (row[1], row[2]) for row in await self._records.read(work)}
        here = self._here(now_ms)
        others = [
            _elsewhere(name, int(str(count)), until_ms, self._lease_ms)
            for name, (count, until_ms) in leases.items()
            if here is None or name != here.name
        ]
        return [*([] if here is None else [here]), *others]

    def pause(self, worker: str, /, *, is_paused: bool) -> None:
        """
        What runs goes on.
        """
        dispatcher = self._kernel.dispatcher
        if dispatcher is None or worker != dispatcher.worker:
            raise NotFound(
                f"there is no worker {worker!r} on this server; ask the server that has it",
                code="worker_not_found",
                worker=worker,
            )
        self._is_paused = is_paused
        dispatcher.pause(is_paused=is_paused)

    def connections(self, limit: int, /) -> ConnectionList:
        """
        The newest of this server.
        """
        found = [resident.describe() for resident in self._hub.roster]
        newest = sorted(found, key=lambda info: (-info.connected_ms, info.client))[:limit]
        nodes = [
            NodeView(**{name: getattr(pulse, name) for name in NodeView.__struct_fields__})
            for pulse in self._hub.nodes.alive()
        ]
        return ConnectionList(
            connections=tuple(_connection(info) for info in newest),
            total=len(found),
            nodes=tuple(nodes),
        )

    def kick(self, client: str, /) -> None:
        """
        Every server closes it if it has it.
        """
        letter = Disconnect(
            client=client, code=DISCONNECT_FORCE.code, reason=DISCONNECT_FORCE.reason
        )
        self._hub.nodes.ask(letter)

    def _observe(self, job: Job) -> None:
        if job.state.is_terminal:
            self._ended[job.state] += 1

    def _here(self, now_ms: int) -> WorkerView | None:
        executor, dispatcher = self._kernel.executor, self._kernel.dispatcher
        if executor is None or dispatcher is None:
            return None
        return WorkerView(
            name=dispatcher.worker,
            is_here=True,
            is_paused=self._is_paused,
            fault=executor.health()["reason"],
            running=dispatcher.running,
            free=dict(executor.free()),
            completed=self._ended[State.COMPLETED],
            failed=sum(self._ended[state] for state in _FAILED),
            heartbeat_at=wire_time(now_ms),
            places=tuple(
                PlaceView(
                    name=place["worker"],
                    runner=place["runner"],
                    pid=place["pid"],
                    job_id=place["job_id"],
                    since=None if place["since_ms"] is None else wire_time(place["since_ms"]),
                    done=place["jobs_done"],
                )
                for place in executor.workers()
            ),
        )


def _stats(
    active: Sequence[tuple[object, ...]], ended: Sequence[tuple[object, ...]], this_minute: int
) -> StatsAnswer:
    waiting: Counter[str] = Counter()
    for state, count in active:
        waiting[str(state)] += int(str(count))
    day: Counter[str] = Counter()
    minutes: dict[str, list[int]] = {name: [0] * HOUR_MINUTES for name in ("completed", "failed")}
    for state, minute, count in ended:
        name = "failed" if state in _FAILED else str(state)
        day[name] += int(str(count))
        place = HOUR_MINUTES - 1 - (this_minute - int(str(minute)))
        if name in minutes and 0 <= place < HOUR_MINUTES:
            minutes[name][place] += int(str(count))
    return StatsAnswer(
        queued=sum(waiting[state.value] for state in _WAITING),
        running=waiting[State.RUNNING.value],
        completed=day["completed"],
        failed=day["failed"],
        completed_by_minute=tuple(minutes["completed"]),
        failed_by_minute=tuple(minutes["failed"]),
    )


def _elsewhere(name: str, running: int, lease_until_ms: object, lease_ms: int) -> WorkerView:
    heartbeat = None if lease_until_ms is None else wire_time(int(str(lease_until_ms)) - lease_ms)
    return WorkerView(
        name=name,
        is_here=False,
        is_paused=False,
        fault=None,
        running=running,
        free={},
        completed=None,
        failed=None,
        heartbeat_at=heartbeat,
        places=(),
    )


def _connection(info: ConnectionInfo) -> ConnectionView:
    shared = {
        name: getattr(info, name) for name in info.__struct_fields__ if name != "connected_ms"
    }
    return ConnectionView(**shared, connected_at=wire_time(info.connected_ms))
