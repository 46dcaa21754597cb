"""
A submitted job, in the hands of whoever submitted it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from avance.errors import TaskFailed
from avance.jobs.service import Jobs
from avance.model.job import Job, State
from avance.model.stream import job_channel


class JobHandle:
    """
    Names the job and follows it; it holds no state of its own.
    """

    def __init__(self, job: Job, jobs: Jobs, issue_token: Callable[[str, str | None], str]) -> None:
        self.id: str = job.id
        self.kind: str = job.kind
        self._owner = job.owner
        self.channel: str = job_channel(job.id)
        self._jobs = jobs
        self._issue_token = issue_token

    def __repr__(self) -> str:
        return f"<JobHandle {self.kind} {self.id}>"

    @property
    def token(self) -> str:
        """
        A short-lived token that lets a browser connect and follow this job alone.
        """
        return self._issue_token(self.id, self._owner)

    async def get(self) -> Job:
        """
        Read the job as it is.
        """
        return await self._jobs.get(self.id)

    async def cancel(self) -> Job:
        """
        Cancel it; it is cancelled when this returns.
        """
        return await self._jobs.cancel(self.id)

    async def retry(self) -> "JobHandle":
        """
        Submit the same work again, as a new job.
        """
        return JobHandle(await self._jobs.retry(self.id), self._jobs, self._issue_token)

    async def changes(self) -> AsyncIterator[Job]:
        """
        The job as it is, then after each change, until it has ended.
        """
        async for job in self._jobs.follow(self.id):
            yield job

    async def wait(self, *, timeout_s: float | None = None) -> Job:
        """
        Wait for the end.

        Raises:
            TimeoutError: It did not come in time; the job goes on.
        """
        async with asyncio.timeout(timeout_s):
            return await self._jobs.ended(self.id)

    async def result(self, *, timeout_s: float | None = None) -> Any:
        """
        Wait for the end and decode the result.

        Raises:
            TaskFailed: The job failed, was cancelled or expired; `job` is the whole of it.
        """
        job = await self.wait(timeout_s=timeout_s)
        if job.state is not State.COMPLETED:
            error = job.error
            message = "no reason is known" if error is None else error.message
            raise TaskFailed(
                f"job {job.id} ({job.kind}) is {job.state}: {message}",
                code=None if error is None else error.code,
                job=job,
            )
        return msgspec.json.decode(await self._jobs.result(self.id))
