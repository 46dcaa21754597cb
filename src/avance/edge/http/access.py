"""
Who may see and do what. What a caller may not see is answered exactly as what does not exist.
"""

from typing import Annotated

import msgspec

from avance.errors import NotFound, PermissionDenied, Unauthenticated
from avance.model.job import Job
from avance.model.stream import job_channel
from avance.ports.auth import Identity, Role


class _Scope(msgspec.Struct, frozen=True):
    channel: Annotated[str, msgspec.Meta(max_length=512)] | None = None


_scope = msgspec.json.Decoder(_Scope)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who is asking, and whether the token is for one channel alone.
    """

    identity: Identity
    channel: str | None = None

    @property
    def user(self) -> str:
        return self.identity.user

    @property
    def is_admin(self) -> bool:
        return self.identity.is_admin and self.channel is None

    @property
    def is_trusted(self) -> bool:
        """
        Role sender or admin.
        """
        return self.identity.role is not Role.USER and self.channel is None

    def require_whole(self) -> None:
        """
        Refuse a token that is good for one channel alone.
        """
        if self.channel is not None:
            raise PermissionDenied(
                f"this token reads {self.channel} and nothing else; use the token of the user",
                code="token_scope",
            )

    def require_admin(self) -> None:
        self.require_whole()
        if not self.is_admin:
            raise PermissionDenied("this needs the role admin", code="role_missing", role="admin")


def caller_of(identity: Identity) -> Caller:
    """
    Read the scope of a verified identity.
    """
    try:
        return Caller(identity=identity, channel=_scope.decode(identity.claims).channel)
    except msgspec.DecodeError as error:
        raise Unauthenticated("the token has an unusable channel", code="invalid_token") from error


def may_see(identity: Identity, job: Job) -> bool:
    """
    Owner or admin, within the tenant.
    """
    if identity.is_admin:
        return identity.tenant is None or identity.tenant == job.tenant
    return job.owner == identity.user and job.tenant == identity.tenant


def check_reads(caller: Caller, job: Job) -> Job:
    """
    Answer the job if the caller may read it.

    Raises:
        NotFound: As for a job that does not exist.
    """
    # A token for one channel was given by somebody who may see it; it needs no other right and has none.
    is_allowed = (
        may_see(caller.identity, job)
        if caller.channel is None
        else caller.channel == job_channel(job.id)
    )
    if not is_allowed:
        raise job_not_found(job.id)
    return job


def job_not_found(job_id: str) -> NotFound:
    return NotFound(f"there is no job {job_id}", code="job_not_found", job_id=job_id)
