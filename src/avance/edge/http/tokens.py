"""
`/v1/tokens`: short tokens for sockets, and their revocation.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avance.edge.http.access import Caller
from avance.edge.http.answer import json_answer
from avance.edge.http.authenticate import caller
from avance.edge.http.body import read_json
from avance.edge.http.jobs import StartLimits
from avance.edge.http.openapi import described
from avance.edge.http.services import HttpServices, Revoked
from avance.edge.http.shapes import RevokeAnswer, RevokeRequest, TokenAnswer, TokenRequest
from avance.errors import InvalidRequest, NotFound, PermissionDenied
from avance.model.moment import wire_time
from avance.model.stream import inbox_channel, jobs_channel
from avance.ports.auth import Role, TokenExpired

REVOCATION_TTL_MS = 366 * 86_400_000
"""Longer than any token lives; a revocation of a single token ends with the token."""


class TokenRoutes:
    def __init__(self, services: HttpServices, starts: StartLimits) -> None:
        self._services = services
        self._limits = services.limits
        self._starts = starts

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["tokens"])
        described(router, "POST", "/tokens", self.issue, body=TokenRequest, answer=TokenAnswer)
        described(
            router, "POST", "/tokens/revoke", self.revoke, body=RevokeRequest, answer=RevokeAnswer
        )
        return router

    async def issue(self, request: Request) -> Response:
        """
        Make a short token for oneself, to open a socket with; an admin makes one for anybody.
        """
        who = caller(request)
        who.require_whole()
        self._starts.take(who, request)
        wanted = await read_json(request, TokenRequest)
        self._check(who, wanted)
        user = wanted.user or who.user
        ttl_s = self._ttl_s(who, wanted)
        token = self._services.auth.issue(user, ttl_s=ttl_s, claims=self._claims(who, wanted))
        expires_ms = self._services.clock.now_ms() + round(ttl_s * 1000)
        return json_answer(TokenAnswer(token=token, user=user, expires_at=wire_time(expires_ms)))

    async def revoke(self, request: Request) -> Response:
        """
        Refuse a token of one's own from now on, or all of one's own; an admin refuses anybody's.
        """
        who = caller(request)
        who.require_whole()
        wanted = await read_json(request, RevokeRequest)
        given = [value for value in (wanted.token, wanted.token_id, wanted.user) if value]
        if len(given) != 1:
            raise InvalidRequest("name one of `token`, `token_id` and `user`")
        if wanted.token is not None:
            return await self._revoke_token(who, wanted.token)
        if wanted.user != who.user:
            who.require_admin()
        until_ms = self._services.clock.now_ms() + REVOCATION_TTL_MS
        await self._services.auth.revoke(
            token_id=wanted.token_id, user=wanted.user, until_ms=until_ms
        )
        self._services.on_revoked(Revoked(user=wanted.user, token_id=wanted.token_id))
        return json_answer(RevokeAnswer(revoked=True))

    async def _revoke_token(self, who: Caller, token: str) -> Response:
        try:
            identity = await self._services.auth.token(token)
        except TokenExpired:
            return json_answer(RevokeAnswer(revoked=True))
        if identity.user != who.user and not who.is_admin:
            raise NotFound("there is no such token of this user", code="token_not_found")
        if identity.token_id is None:
            raise InvalidRequest(
                "the token has no jti, so that it cannot be told from others; revoke the user",
                code="token_without_id",
            )
        until_ms = identity.expires_ms or self._services.clock.now_ms() + REVOCATION_TTL_MS
        await self._services.auth.revoke(token_id=identity.token_id, until_ms=until_ms)
        self._services.on_revoked(Revoked(token_id=identity.token_id))
        return json_answer(RevokeAnswer(revoked=True))

    def _check(self, who: Caller, wanted: TokenRequest) -> None:
        if len(wanted.channels) > self._limits.token_channels_max:
            raise InvalidRequest(
                f"there are {len(wanted.channels)} channels; the most is {self._limits.token_channels_max}",
                parameter="channels",
            )
        if wanted.channel is not None and wanted.channels:
            raise InvalidRequest("give `channel` for one, or `channels` for a connection, not both")
        if who.is_admin:
            return
        for name, value, own in (
            ("user", wanted.user, who.user),
            ("role", wanted.role, who.identity.role),
            ("tenant", wanted.tenant, who.identity.tenant),
        ):
            if value is not None and value != own:
                raise PermissionDenied(
                    f"only an admin makes tokens for another {name}; leave `{name}` out",
                    code="role_missing",
                )
        own_channels = {jobs_channel(who.user), inbox_channel(who.user)}
        foreign = [
            one for one in (*wanted.channels, wanted.channel) if one and one not in own_channels
        ]
        if foreign:
            raise PermissionDenied(
                f"only an admin makes tokens for the channel {foreign[0]}; own ones are {', '.join(sorted(own_channels))}",
                code="role_missing",
            )

    def _ttl_s(self, who: Caller, wanted: TokenRequest) -> float:
        ttl_s_max = (
            self._limits.token_ttl_s_max_admin if who.is_admin else self._limits.token_ttl_s_max
        )
        if wanted.ttl_s is None:
            return min(self._limits.job_token_ttl_s, ttl_s_max)
        if wanted.ttl_s > ttl_s_max:
            raise InvalidRequest(
                f"ttl_s is {wanted.ttl_s:g}; the most is {ttl_s_max:g}",
                code="invalid_ttl",
                ttl_s_max=ttl_s_max,
            )
        return wanted.ttl_s

    def _claims(self, who: Caller, wanted: TokenRequest) -> dict[str, object]:
        is_own = wanted.user in (None, who.user)
        role = wanted.role or (who.identity.role if is_own else Role.USER)
        tenant = wanted.tenant or who.identity.tenant
        claims: dict[str, object] = {}
        if role is not Role.USER:
            claims["role"] = role.value
        if tenant is not None:
            claims["tenant"] = tenant
        if wanted.channels:
            claims["channels"] = wanted.channels
        if wanted.channel is not None:
            claims["channel"] = wanted.channel
        return claims
