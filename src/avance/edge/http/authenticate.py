"""
Who is calling over HTTP. Every path needs credentials unless it is listed as public.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from avance.edge.http import problem
from avance.edge.http.access import Caller, caller_of
from avance.edge.http.limits import HttpLimits
from avance.edge.http.rate import Rate
from avance.edge.http.scope import header, route_path
from avance.errors import AvanceError, Unauthenticated
from avance.ports.auth import OPEN_IDENTITY, Auth, Identity, TokenExpired
from avance.ports.clock import Clock

_STATE = "avance_caller"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    token: str | None = None
    key: str | None = None
    is_from_query: bool = False


def read_credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> Credentials | None:
    """
    Find what the caller brought: `Authorization: Bearer`, `X-API-Key`, or `token` in the query; None for nothing.

    Raises:
        Unauthenticated: An Authorization header of another kind.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer" and value.strip():
            return Credentials(token=value.strip())
        if scheme.lower() == "apikey" and value.strip():
            return Credentials(key=value.strip())
        raise Unauthenticated(
            "the Authorization header is not `Bearer <token>`", code="unauthenticated"
        )
    if headers.get("x-api-key"):
        return Credentials(key=headers["x-api-key"])
    if query.get("token"):
        return Credentials(token=query["token"], is_from_query=True)
    return None


async def identify(
    auth: Auth, credentials: Credentials | None, clock: Clock, limits: HttpLimits
) -> Identity:
    """
    Verify the credentials of one request.

    Raises:
        TokenExpired, Unauthenticated, Unavailable: As the port tells.
    """
    if credentials is None:
        if auth.is_open:
            return OPEN_IDENTITY
        raise Unauthenticated(
            "credentials are needed: `Authorization: Bearer <token>` or `X-API-Key`"
        )
    if credentials.key is not None:
        return await auth.key(credentials.key)
    identity = await auth.token(credentials.token or "")
    if not identity.user:
        raise Unauthenticated("the token names no user (sub)", code="invalid_token")
    if credentials.is_from_query and not _ends_soon(identity, clock, limits):
        raise Unauthenticated(
            f"a token in a query must end within {limits.query_token_ttl_s_max:.0f} s; send this one in the Authorization header",
            code="query_token_too_long",
        )
    return identity


def _ends_soon(identity: Identity, clock: Clock, limits: HttpLimits) -> bool:
    left_ms = None if identity.expires_ms is None else identity.expires_ms - clock.now_ms()
    return left_ms is not None and left_ms <= limits.query_token_ttl_s_max * 1000


class Authentication:
    """
    Middleware: puts the caller into the request, or answers 401.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        auth: Auth,
        clock: Clock,
        limits: HttpLimits,
        public: "PublicPaths",
    ) -> None:
        self._app = app
        self._auth = auth
        self._clock = clock
        self._limits = limits
        self._public = public
        self._refusals = Rate(
            limits.refusals_per_minute_address,
            clock,
            keys_max=limits.rate_keys_max,
            what="refused credentials of this address",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._public.has(route_path(scope), scope["method"]):
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._identify(scope)
        except TokenExpired as error:
            await problem.expired(error)(scope, receive, send)
        except AvanceError as error:
            await problem.of_error(error)(scope, receive, send)
        else:
            scope.setdefault("state", {})[_STATE] = caller
            await self._app(scope, receive, send)

    async def _identify(self, scope: Scope) -> Caller:
        names = ("authorization", "x-api-key")
        headers = {name: value for name in names if (value := header(scope, name)) is not None}
        query = read_query(scope, self._limits)
        try:
            credentials = read_credentials(headers, query)
            identity = await identify(self._auth, credentials, self._clock, self._limits)
            return caller_of(identity)
        except Unauthenticated as error:
            # A page that was opened without credentials is no attack, nor is a session that somebody ended.
            if (headers or query.get("token")) and error.code != "revoked_token":
                # Good credentials pass however many bad ones came from the same address: they may share a proxy.
                client = scope.get("client")
                self._refusals.take(client[0] if client else "")
            raise


def read_query(scope: Scope, limits: HttpLimits) -> Mapping[str, str]:
    """
    The query by name, the last of a name; one with too many fields brings no credentials.
    """
    text = scope.get("query_string", b"").decode("latin-1")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=limits.query_fields_max))
    except ValueError:
        return {}


class PublicPaths:
    """
    Paths that need no credentials: listed, itself or (`/console/*`) with all below it; or of a route that verifies its own.
    """

    def __init__(self, paths: Sequence[str], routes: Sequence[BaseRoute] = ()) -> None:
        self._exact = frozenset(path for path in paths if not path.endswith("/*"))
        self._below = tuple(path[:-1] for path in paths if path.endswith("/*"))
        # By method as well: `POST /api/{method}` verifies its own key, `GET /api/notifications` of an app does not.
        self._patterns = tuple(
            (route.path_regex, route.methods)
            for route in routes
            # Requests do not reach sockets: `/{stage}` of one would open every path.
            if isinstance(route, Route)
        )

    def has(self, path: str, method: str) -> bool:
        return (
            path in self._exact
            or path.startswith(self._below)
            or any(
                pattern.match(path) and (methods is None or method in methods)
                for pattern, methods in self._patterns
            )
        )


def caller(request: Request) -> Caller:
    """
    The caller of a request; a path that is public has none.
    """
    found: Caller | None = request.scope.get("state", {}).get(_STATE)
    if found is None:
        raise Unauthenticated("this path knows no caller; it is listed as public")
    return found
