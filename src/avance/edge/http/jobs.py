"""
`/v1/jobs` and `/v1/tasks`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from anyio import CancelScope
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.edge.http.access import Caller, check_reads, job_not_found, may_see
from avance.edge.http.answer import json_answer, raw_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.body import read_json, read_query
from avance.edge.http.moment import read_moment
from avance.edge.http.openapi import described
from avance.edge.http.rate import Rate
from avance.edge.http.scope import prefix
from avance.edge.http.services import HttpServices
from avance.edge.http.shapes import (
    ID_PATTERN,
    EventsQuery,
    JobEvents,
    JobList,
    JobUrls,
    ListQuery,
    SubmitRequest,
    Submitted,
    TaskList,
    TaskView,
)
from avance.errors import Conflict, InvalidRequest, PermissionDenied, Unavailable, UnknownTask
from avance.jobs.service import SubmitOptions
from avance.jobs.task import AnyTask
from avance.model.job import Job, JobView, State, summary, view
from avance.model.moment import wire_time
from avance.model.stream import StreamPage, job_channel
from avance.ports.store import JobFilter

_ID = re.compile(ID_PATTERN)


class JobRoutes:
    """
    Submit, list, read, follow, cancel, retry, delete.
    """

    def __init__(self, services: HttpServices, starts: "StartLimits") -> None:
        self._services = services
        self._jobs = services.jobs
        self._limits = services.limits
        self._starts = starts
        self._polls: set[CancelScope] = set()
        self._is_stopping = False

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["jobs"])
        job = "/jobs/{job_id}"
        described(router, "GET", "/tasks", self.tasks, answer=TaskList)
        described(router, "POST", "/jobs", self.submit, body=SubmitRequest, answer=Submitted)
        described(router, "GET", "/jobs", self.list, query=ListQuery, answer=JobList)
        described(router, "GET", job, self.get, answer=JobView)
        described(router, "GET", f"{job}/events", self.events, query=EventsQuery, answer=JobEvents)
        described(router, "GET", f"{job}/result", self.result)
        described(router, "GET", f"{job}/input", self.input)
        described(router, "POST", f"{job}/cancel", self.cancel, answer=JobView)
        described(router, "POST", f"{job}/retry", self.retry, answer=Submitted)
        described(router, "DELETE", job, self.delete, status=204)
        return router

    async def tasks(self, request: Request) -> Response:
        """
        List the tasks that the caller may submit, with the schema of their parameters.
        """
        who = caller(request)
        who.require_whole()
        shown = [
            _task_view(task)
            for _, task in sorted(self._jobs.tasks.items())
            if self._may_submit(who, task)
        ]
        return json_answer(TaskList(tasks=shown))

    async def submit(self, request: Request) -> Response:
        """
        Make a job; the answer comes at once, with a token to follow it.
        """
        who = caller(request)
        who.require_whole()
        self._starts.take(who, request)
        wanted = await read_json(request, SubmitRequest)
        task = self._jobs.tasks.get(wanted.task)
        if task is None or not self._may_submit(who, task):
            raise UnknownTask(
                f"there is no task {wanted.task!r}; GET /v1/tasks lists them", task=wanted.task
            )
        if wanted.parent_id is not None:
            await self._readable(who, wanted.parent_id)
        args, kwargs = _arguments(wanted.params)
        job = await self._submit(who, wanted, args, kwargs)
        return self._submitted(request, who, job)

    async def list(self, request: Request) -> Response:
        """
        List jobs, the newest first.
        """
        who = caller(request)
        who.require_whole()
        wanted = read_query(request, ListQuery, self._limits)
        page = await self._jobs.list(self._filter(who, wanted))
        return json_answer(JobList(jobs=[summary(job) for job in page.jobs], cursor=page.cursor))

    async def get(self, request: Request) -> Response:
        """
        Read a job.
        """
        who = caller(request)
        job = await self._readable(who, request.path_params["job_id"])
        return json_answer(self._view(request, who, job))

    async def events(self, request: Request) -> Response:
        """
        Read the events after `since`; with `wait_s`, wait for the next one.
        """
        wanted = read_query(request, EventsQuery, self._limits)
        job = await self._readable(caller(request), request.path_params["job_id"])
        limit = _bounded("limit", wanted.limit, self._limits.page_events_max)
        # After the end nothing follows, so that waiting would only hold up the caller.
        is_over = job.state.is_terminal and wanted.since >= job.seq
        wait_s = 0.0 if is_over else min(wanted.wait_s, self._limits.wait_s_max)
        page = await self._page(job.id, wanted.since, limit, wait_s)
        return json_answer(_events(page, wanted, limit))

    async def result(self, request: Request) -> Response:
        """
        The result as the task returned it; of a cancelled job the partial one, if it saved one.
        """
        job = await self._readable(caller(request), request.path_params["job_id"])
        return raw_answer(await self._jobs.result(job.id))

    async def input(self, request: Request) -> Response:
        """
        The arguments as they were submitted.
        """
        job = await self._readable(caller(request), request.path_params["job_id"])
        return raw_answer(await self._jobs.input(job.id))

    async def cancel(self, request: Request) -> Response:
        """
        Cancel a job that has not ended; it is cancelled when the answer comes.
        """
        who = caller(request)
        job = await self._owned(who, request.path_params["job_id"])
        cancelled = await self._jobs.cancel(job.id, reason="cancelled")
        return json_answer(self._view(request, who, cancelled))

    async def retry(self, request: Request) -> Response:
        """
        Submit the work of a finished job again, as a new job: below the same parent while that is under way, and below none after its end.
        """
        who = caller(request)
        job = await self._owned(who, request.path_params["job_id"])
        self._starts.take(who, request)
        task = self._jobs.tasks.get(job.kind)
        if task is not None and not self._may_submit(who, task):
            raise PermissionDenied(
                f"task {job.kind} cannot be submitted by the role {who.identity.role.value}",
                code="role_missing",
            )
        again = await self._jobs.retry(job.id, owner=job.owner)
        return self._submitted(request, who, again)

    async def delete(self, request: Request) -> Response:
        """
        Forget a finished job, its events and its result.
        """
        job = await self._owned(caller(request), request.path_params["job_id"])
        await self._jobs.delete(job.id)
        return Response(status_code=204)

    async def _readable(self, who: Caller, job_id: str) -> Job:
        if not _ID.fullmatch(job_id):
            raise job_not_found(job_id)
        return check_reads(who, await self._jobs.get(job_id))

    async def _owned(self, who: Caller, job_id: str) -> Job:
        job = await self._readable(who, job_id)
        who.require_whole()
        return job

    def _may_submit(self, who: Caller, task: AnyTask) -> bool:
        return who.is_trusted or task.options.expose

    async def _submit(
        self, who: Caller, wanted: SubmitRequest, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Job:
        unique = wanted.unique
        if unique is not None and not who.is_trusted:
            # Keys of one user never meet those of another.
            unique = f"{who.user}/{unique}"
        job = await self._jobs.submit(
            wanted.task,
            args,
            kwargs,
            SubmitOptions(
                owner=self._owner(who, wanted.owner),
                tenant=who.identity.tenant,
                title=wanted.title,
                tags=tuple(wanted.tags),
                meta=wanted.meta,
                priority=wanted.priority,
                delay_s=wanted.delay_s,
                run_at_ms=None if wanted.run_at is None else read_moment(wanted.run_at, "run_at"),
                unique=unique,
                expires_s=wanted.expires_s,
                parent_id=wanted.parent_id,
                weight=wanted.weight,
                job_id=wanted.job_id,
            ),
        )
        if not may_see(who.identity, job) and wanted.owner is None:
            raise Conflict(
                "the same work is already under way for somebody else; wait until it has ended",
                code="duplicate",
            )
        return job

    def _owner(self, who: Caller, wanted: str | None) -> str:
        if wanted is None or wanted == who.user:
            return who.user
        if not who.is_admin:
            raise PermissionDenied(
                "only an admin submits for somebody else; leave `owner` out", code="role_missing"
            )
        return wanted

    def _filter(self, who: Caller, wanted: ListQuery) -> JobFilter:
        if not who.is_admin and wanted.owner not in (None, who.user):
            raise PermissionDenied(
                "only an admin lists the jobs of others; leave `owner` out", code="role_missing"
            )
        return JobFilter(
            owner=wanted.owner if who.is_admin else who.user,
            tenant=who.identity.tenant,
            states=_states(wanted.state),
            kind=wanted.kind,
            tag=wanted.tag,
            parent_id=wanted.parent,
            text=wanted.text,
            created_after_ms=_optional_moment(wanted.created_after, "created_after"),
            created_before_ms=_optional_moment(wanted.created_before, "created_before"),
            limit=_bounded("limit", wanted.limit, self._limits.page_jobs_max),
            cursor=wanted.cursor,
        )

    def stop_waiting(self) -> None:
        """
        Answer every long poll now, and no longer wait for any: the server stops.
        """
        self._is_stopping = True
        for scope in tuple(self._polls):
            scope.cancel()

    async def _page(self, job_id: str, since: int, limit: int, wait_s: float) -> StreamPage:
        if wait_s > 0 and not self._is_stopping:
            if len(self._polls) >= self._limits.long_polls_max:
                raise Unavailable(
                    f"{len(self._polls)} requests wait for events, which is the limit; ask without wait_s or use a socket",
                    code="too_many_polls",
                )
            with CancelScope() as scope:
                self._polls.add(scope)
                try:
                    return await self._jobs.events(job_id, since=since, limit=limit, wait_s=wait_s)
                finally:
                    self._polls.discard(scope)
        return await self._jobs.events(job_id, since=since, limit=limit, wait_s=0)

    def _view(self, request: Request, who: Caller, job: Job) -> JobView:
        shown = view(job, with_traceback=who.is_admin)
        if shown.result_url is None:
            return shown
        return msgspec.structs.replace(shown, result_url=prefix(request.scope) + shown.result_url)

    def _submitted(self, request: Request, who: Caller, job: Job) -> Response:
        ttl_s = self._limits.job_token_ttl_s
        channel = job_channel(job.id)
        token = self._services.auth.issue(who.user, ttl_s=ttl_s, claims={"channel": channel})
        at = f"{prefix(request.scope)}/v1/jobs/{job.id}"
        return json_answer(
            Submitted(
                **msgspec.structs.asdict(self._view(request, who, job)),
                channel=channel,
                token=token,
                token_expires_at=wire_time(self._services.clock.now_ms() + round(ttl_s * 1000)),
                urls=JobUrls(
                    self=at,
                    events=f"{at}/events",
                    result=f"{at}/result",
                    cancel=f"{at}/cancel",
                    retry=f"{at}/retry",
                ),
            )
        )


class StartLimits:
    """
    How much work somebody may start. Roles sender and admin are not counted, nor is anybody in open mode.
    """

    def __init__(self, services: HttpServices) -> None:
        limits, clock = services.limits, services.clock
        self._is_on = not services.auth.is_open
        self._users = Rate(
            limits.starts_per_minute,
            clock,
            keys_max=limits.rate_keys_max,
            what="requests that start work, of this user",
        )
        self._addresses = Rate(
            limits.starts_per_minute_address,
            clock,
            keys_max=limits.rate_keys_max,
            what="requests that start work, from this address",
        )

    def take(self, who: Caller, request: Request) -> None:
        """
        Count one.

        Raises:
            RateLimited: There were too many.
        """
        if not self._is_on or who.is_trusted:
            return
        self._users.take(who.user)
        self._addresses.take(request.client.host if request.client else "")


def count_start(request: Request) -> None:
    """
    Count one request that starts work, in a route of an app.

    Raises:
        RateLimited: There were too many of this user or address.
    """
    starts: StartLimits = request.app.state.starts
    starts.take(caller(request), request)


def _task_view(task: AnyTask) -> TaskView:
    return TaskView(
        name=task.name,
        description=(task.__doc__ or "").strip() or None,
        params=_schema(task),
        phases=[phase.id for phase in task.options.phases],
        runner=task.options.runner.value,
    )


def _schema(task: AnyTask) -> dict[str, Any]:
    try:
        return task.schema()
    except TypeError:
        # A parameter of a class of the user's own: it has no schema, and no name that JSON would check.
        return {"type": "object"}


def _arguments(
    params: Mapping[str, Any] | Sequence[Any],
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    return ((), params) if isinstance(params, Mapping) else (params, {})


def _events(page: StreamPage, wanted: EventsQuery, limit: int) -> JobEvents:
    top = page.top
    is_other = wanted.epoch is not None and wanted.epoch != top.epoch
    first = page.publications[0].offset if page.publications else top.offset + 1
    last = page.publications[-1].offset if page.publications else top.offset
    return JobEvents(
        epoch=top.epoch,
        offset=top.offset,
        events=[msgspec.Raw(one.data) for one in page.publications],
        is_gap=is_other or first > wanted.since + 1 or wanted.since > top.offset,
        has_more=len(page.publications) == limit and last < top.offset,
    )


def _states(text: str | None) -> tuple[State, ...]:
    if not text:
        return ()
    try:
        return tuple(dict.fromkeys(State(word.strip()) for word in text.split(",")))
    except ValueError as error:
        raise InvalidRequest(
            f"state is {text!r}; choose from {', '.join(State)}",
            code="invalid_query",
            parameter="state",
        ) from error


def _optional_moment(text: str | None, parameter: str) -> int | None:
    return None if text is None else read_moment(text, parameter)


def _bounded(name: str, value: int, value_max: int) -> int:
    if value > value_max:
        raise InvalidRequest(
            f"{name} is {value}; the most is {value_max}",
            code="invalid_query",
            parameter=name,
            max=value_max,
        )
    return value
