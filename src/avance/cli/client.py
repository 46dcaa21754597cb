"""
The HTTP API, as the command line uses it.
"""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click
import msgspec

DEFAULT_URL = "http://127.0.0.1:8030"
TIMEOUT_S = 30.0
BODY_BYTES_MAX = 67_108_864


class Refused(click.ClickException):
    """
    The server answered with a problem.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{detail} ({status} {code})")
        self.status = status
        self.code = code


class Unreachable(click.ClickException):
    pass


class Client:
    """
    Knows the address and the credentials: `AVANCE_URL`, and `AVANCE_TOKEN` or `AVANCE_API_KEY`.
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.url = (url or os.environ.get("AVANCE_URL") or DEFAULT_URL).rstrip("/")
        self.token = token or os.environ.get("AVANCE_TOKEN") or None
        self.key = None if self.token else os.environ.get("AVANCE_API_KEY") or None
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.ClickException(
                f"the address is {self.url!r}; it must look like {DEFAULT_URL} (AVANCE_URL or --url)"
            )

    @property
    def headers(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-API-Key": self.key} if self.key else {}

    @property
    def socket_url(self) -> str:
        return "ws" + self.url.removeprefix("http") + "/connection/websocket"

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """
        The decoded answer.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self.call("GET", f"{path}?{urlencode(given)}" if given else path)

    def call(
        self, method: str, path: str, body: object = None, *, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """
        Send a request and decode the answer.

        Raises:
            Refused: The server answered with a problem.
            Unreachable: Nobody answered.
        """
        data = None if body is None else msgspec.json.encode(body)
        headers = {**self.headers, **({"Content-Type": "application/json"} if data else {})}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                content = answer.read(BODY_BYTES_MAX)
        except urllib.error.HTTPError as error:
            raise _refused(error) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(
                f"no server answers at {self.url} ({reason}); start one with `avance serve`, or set AVANCE_URL"
            ) from error
        return msgspec.json.decode(content) if content else None


def job_path(job_id: str) -> str:
    return "/v1/jobs/" + quote(job_id, safe="")


def _refused(error: urllib.error.HTTPError) -> Refused:
    try:
        problem = msgspec.json.decode(error.read(BODY_BYTES_MAX))
        return Refused(error.code, str(problem["code"]), str(problem["detail"]))
    except (msgspec.DecodeError, KeyError, TypeError, OSError):
        return Refused(error.code, "http_error", f"the server answered {error.reason}")
