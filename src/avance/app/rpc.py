"""
What clients of the Centrifugo protocol may call: the same as over HTTP, for those that have only a socket.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from avance.edge.http.access import caller_of, check_reads
from avance.edge.session.commands import Rpc
from avance.errors import AvanceError
from avance.jobs.service import Jobs
from avance.model.job import Job, view
from avance.ports.auth import Identity
from avance.protocol.codes import ErrorCode, ReplyError

_APP_ERRORS = 400
"""Codes of apps begin here; ours are the HTTP status of the same error."""

Action = Callable[[str], Coroutine[Any, Any, Job]]


class _Named(msgspec.Struct, frozen=True):
    job_id: str


def job_methods(jobs: Jobs) -> Mapping[str, Rpc]:
    """
    `job.get`, `job.cancel` and `job.retry`, each with `{"job_id": …}`; the answer is the job.
    """

    async def retry(job_id: str) -> Job:
        return await jobs.retry(job_id)

    actions: dict[str, Action] = {
        "job.get": jobs.get,
        "job.cancel": jobs.cancel,
        "job.retry": retry,
    }
    return {name: _guarded(jobs, action) for name, action in actions.items()}


def _guarded(jobs: Jobs, action: Action) -> Rpc:
    async def call(identity: Identity, data: bytes) -> bytes:
        try:
            named = msgspec.json.decode(data, type=_Named)
            check_reads(caller_of(identity), await jobs.get(named.job_id))
            return msgspec.json.encode(view(await action(named.job_id)))
        except msgspec.DecodeError as error:
            raise ReplyError(
                ErrorCode(code=_APP_ERRORS, message='the data must be {"job_id": …}')
            ) from error
        except AvanceError as error:
            raise ReplyError(
                ErrorCode(code=max(error.status, _APP_ERRORS), message=error.code)
            ) from error

    return call
