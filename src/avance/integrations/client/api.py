"""
Requests, and the errors that their answers stand for.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpcore2  # noqa: F401 - else the first client imports it, in the middle of an event loop
import httpx2
import msgspec

from avance.errors import (
    AvanceError,
    ConfigError,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnknownTask,
)
from avance.integrations.client.limits import ClientLimits

_BY_CODE: Mapping[str, type[AvanceError]] = {"unknown_task": UnknownTask}
_BY_STATUS: Mapping[int, type[AvanceError]] = {
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: InvalidRequest,
    503: Unavailable,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    detail: str
    params: dict[str, Any] = {}


class Api:
    """
    The HTTP side of one server.
    """

    def __init__(
        self, url: str, *, token: str | None, key: str | None, limits: ClientLimits
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(
                f"the address is {url!r}; it must look like http://127.0.0.1:8030", value=url
            )
        self.url: str = url.rstrip("/")
        self.token = token
        self.limits = limits
        self.headers: dict[str, str] = _credentials(token, key)
        # Reading the certificates of the system blocks for a while, and plain HTTP never looks at them.
        is_plain = self.url.startswith("http://")
        self._http = httpx2.AsyncClient(
            base_url=self.url,
            headers=self.headers,
            timeout=limits.request_timeout_s,
            verify=not is_plain,
        )

    @property
    def socket_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}/connection/websocket"

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        timeout_s: float | None = None,
    ) -> bytes:
        """
        Send a request and answer the body.

        Raises:
            AvanceError: What the server answered; `Unavailable` where nobody did.
        """
        given: dict[str, Any] = {}
        if body is not None:
            given["content"] = msgspec.json.encode(body)
            given["headers"] = {"Content-Type": "application/json"}
        if query:
            given["params"] = {
                name: str(value) for name, value in query.items() if value is not None
            }
        if timeout_s is not None:
            given["timeout"] = timeout_s
        try:
            answer = await self._http.request(method, path, **given)
        except httpx2.TransportError as error:
            raise Unavailable(
                f"no server answers at {self.url} ({type(error).__name__}: {error}); is `avance serve` up?",
                code="unreachable",
            ) from error
        if answer.is_success:
            return answer.content
        raise _error(answer)


def job_path(job_id: str) -> str:
    return "/v1/jobs/" + quote(job_id, safe="")


def _credentials(token: str | None, key: str | None) -> dict[str, str]:
    if token is not None:
        return {"Authorization": f"Bearer {token}"}
    return {} if key is None else {"X-API-Key": key}


def _error(answer: httpx2.Response) -> AvanceError:
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.DecodeError:
        # Something between us and the server answered.
        problem = Problem(
            code="http_error", detail=f"the answer is {answer.status_code} {answer.reason_phrase}"
        )
    params = {name: value for name, value in problem.params.items() if name != "code"}
    if answer.status_code == 429:
        retry_after_s = float(params.pop("retry_after_s", answer.headers.get("retry-after", 1)))
        return RateLimited(problem.detail, retry_after_s=retry_after_s, code=problem.code, **params)
    kind = _BY_CODE.get(problem.code) or _BY_STATUS.get(answer.status_code, AvanceError)
    return kind(problem.detail, code=problem.code, **params)
