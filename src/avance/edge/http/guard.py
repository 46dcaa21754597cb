"""
What every request passes before any route: faults become a bare 500, bodies end at their limit, foreign pages are refused,
and answers carry the headers that keep browsers careful.
"""

from collections.abc import Mapping

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avance.edge.http import problem
from avance.edge.http.metrics import Metrics
from avance.edge.http.origin import OriginRules
from avance.edge.http.scope import header, route_path
from avance.errors import AvanceError, InvalidRequest, TooLarge
from avance.ports.clock import Clock

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
CSP_DATA = "default-src 'none'; frame-ancestors 'none'"
CSP_PAGE = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Guard:
    """
    The outermost middleware.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: OriginRules,
        clock: Clock,
        metrics: Metrics,
        body_bytes_max: int,
        body_bytes_max_by_prefix: Mapping[str, int],
    ) -> None:
        self._app = app
        self._origins = origins
        self._clock = clock
        self._metrics = metrics
        self._body_bytes_max = body_bytes_max
        # The longest prefix decides.
        self._by_prefix = sorted(body_bytes_max_by_prefix.items(), key=lambda one: -len(one[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        started_s = self._clock.monotonic_s()
        body = _Body(scope, receive, self._limit(route_path(scope)), answer)
        try:
            self._check(scope)
            body.check_length()
            await self._app(scope, body.receive, answer.send)
        except AvanceError as error:
            await self._refuse(answer, error, scope, receive)
        except Exception as error:
            # The boundary of a request: whatever a handler raises is logged here, and answered without its text.
            if answer.is_started:
                raise
            await problem.unexpected(error)(scope, receive, answer.send)
        else:
            if answer.refusal is not None:
                await self._refuse(answer, answer.refusal, scope, receive)
        self._measure(scope, answer.status, self._clock.monotonic_s() - started_s)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        # By the route's pattern, never the path: a label must not be what a stranger can invent. Streams last as they like.
        if status and isinstance(route, Route):
            self._metrics.request_ended(scope["method"], route.path, status, seconds)

    def _limit(self, path: str) -> int:
        return next(
            (limit for prefix, limit in self._by_prefix if path.startswith(prefix)),
            self._body_bytes_max,
        )

    def _check(self, scope: Scope) -> None:
        client = scope.get("client")
        self._origins.check(
            scope["method"],
            peer=client[0] if client else "",
            host=header(scope, "host"),
            origin=header(scope, "origin"),
            fetch_site=header(scope, "sec-fetch-site"),
        )

    async def _refuse(
        self, answer: "_Answer", error: AvanceError, scope: Scope, receive: Receive
    ) -> None:
        if answer.is_started:
            return
        answer.refusal = None
        await problem.of_error(error)(scope, receive, answer.send)


class _Answer:
    """
    Adds headers, and withholds an answer to a request that was refused while it was read.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_started = False
        self.status = 0
        self.refusal: AvanceError | None = None

    async def send(self, message: Message) -> None:
        if self.refusal is not None and not self.is_started:
            return
        if message["type"] == "http.response.start":
            self.is_started = True
            self.status = message["status"]
            _harden(message)
        await self._send(message)


class _Body:
    """
    Counts what arrives, whether or not its length was announced.
    """

    def __init__(self, scope: Scope, receive: Receive, bytes_max: int, answer: _Answer) -> None:
        self._receive = receive
        self._announced = header(scope, "content-length")
        self._bytes_max = bytes_max
        self._bytes = 0
        self._answer = answer

    def check_length(self) -> None:
        if self._announced is None:
            return
        if not (self._announced.isascii() and self._announced.isdigit()):
            raise InvalidRequest("the Content-Length header is not a number", code="bad_request")
        # By digits first: the text may be longer than Python converts.
        digits = self._announced.lstrip("0")
        if len(digits) > 15 or int(digits or "0") > self._bytes_max:
            raise self._too_large()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            if self._bytes > self._bytes_max:
                # A handler may catch this and answer something else; what it answers is withheld.
                self._answer.refusal = self._too_large()
                raise self._answer.refusal
        return message

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"the body is over {self._bytes_max} bytes; send less",
            code="body_too_large",
            bytes_max=self._bytes_max,
        )


def _harden(start: Message) -> None:
    given = dict(start["headers"])
    is_page = given.get(b"content-type", b"").startswith(b"text/html")
    policy = CSP_PAGE if is_page else CSP_DATA
    wanted = (*_HEADERS, (b"content-security-policy", policy.encode()))
    start["headers"] = [*start["headers"], *(one for one in wanted if one[0] not in given)]
