"""
A client of one OSRM server: nearest road, tables, paths. What a server refuses or drops because it is too much is asked in halves.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import msgspec

from avance.apps.routes.model import Point
from avance.apps.routes.travel.breaker import Breaker
from avance.apps.routes.travel.polyline import encode

_log = logging.getLogger("avance.routes")

TRIES = 3
BACKOFF_S = (0.2, 1.0)
URL_BYTES_MAX = 6_000
CELLS_MAX = 10_000
RETRIED = (429, 500, 502, 503, 504)


class Refused(Exception):
    """
    The server does not answer this request; `is_too_much` when it may answer a smaller one.
    """

    def __init__(self, reason: str, *, is_too_much: bool = False) -> None:
        super().__init__(reason)
        self.is_too_much = is_too_much


class Osrm:
    """
    Blocking; for a worker process.
    """

    def __init__(
        self, url: str, *, timeout_s: float, breaker: Breaker, sleep: Callable[[float], None]
    ) -> None:
        self._url = url.rstrip("/").removesuffix("/table/v1/driving")
        self._client = httpx.Client(timeout=timeout_s)
        self._breaker = breaker
        self._sleep = sleep

    def close(self) -> None:
        self._client.close()

    def nearest_m(self, point: Point) -> float:
        """
        How far the nearest road is.
        """
        answer = self._get(f"/nearest/v1/driving/{point.lon:.6f},{point.lat:.6f}", {"number": "1"})
        return float(answer["waypoints"][0]["distance"])

    def path_legs_s(self, path: Sequence[Point]) -> list[float]:
        """
        The seconds of each leg.
        """
        answer = self._get(
            f"/route/v1/driving/polyline({quote(encode(path), safe='')})",
            {"overview": "false", "generate_hints": "false"},
        )
        return [float(leg["duration"]) for leg in answer["routes"][0]["legs"]]

    def table_s(
        self, sources: Sequence[Point], targets: Sequence[Point]
    ) -> list[list[float | None]]:
        """
        Seconds from each source to each target; None where no road leads.
        """
        if len(sources) * len(targets) > CELLS_MAX:
            return self._halves(sources, targets)
        numbers = ";".join(str(number) for number in range(len(sources)))
        others = ";".join(str(len(sources) + number) for number in range(len(targets)))
        places = quote(encode([*sources, *targets]), safe="")
        if (
            len(places) + len(numbers) + len(others) > URL_BYTES_MAX
            and len(sources) + len(targets) > 2
        ):
            return self._halves(sources, targets)
        try:
            answer = self._get(
                f"/table/v1/driving/polyline({places})",
                {
                    "sources": numbers,
                    "destinations": others,
                    "annotations": "duration",
                    "generate_hints": "false",
                },
            )
        except Refused as refused:
            if refused.is_too_much and len(sources) + len(targets) > 2:
                return self._halves(sources, targets)
            raise
        table: list[list[float | None]] = answer["durations"]
        return table

    def _halves(
        self, sources: Sequence[Point], targets: Sequence[Point]
    ) -> list[list[float | None]]:
        if len(sources) >= len(targets):
            middle = len(sources) // 2
            return self.table_s(sources[:middle], targets) + self.table_s(sources[middle:], targets)
        middle = len(targets) // 2
        left, right = (
            self.table_s(sources, targets[:middle]),
            self.table_s(sources, targets[middle:]),
        )
        return [a + b for a, b in zip(left, right, strict=True)]

    def _get(self, path: str, query: dict[str, str]) -> Any:
        """
        One answer, after a few tries.

        Raises:
            Refused: There is none.
        """
        reason = ""
        for number in range(TRIES):
            if self._breaker.is_open:
                raise Refused("the server failed too often and is left alone for a while")
            if number:
                self._sleep(BACKOFF_S[number - 1])
            try:
                answer = self._client.get(self._url + path, params=query)
            except httpx.RemoteProtocolError as error:
                # How a server answers a URL that is too long for it.
                self._breaker.failed()
                raise Refused(f"it closed the connection: {error}", is_too_much=True) from error
            except httpx.HTTPError as error:
                self._breaker.failed()
                reason = f"{type(error).__name__}: {error}"
                continue
            if answer.status_code in RETRIED:
                self._breaker.failed()
                reason = f"status {answer.status_code}"
                continue
            self._breaker.worked()
            return _read(answer)
        _log.warning("OSRM at %s did not answer: %s", self._url, reason)
        raise Refused(reason)


def _read(answer: httpx.Response) -> Any:
    if answer.status_code in (413, 414):
        raise Refused(f"status {answer.status_code}", is_too_much=True)
    try:
        body = msgspec.json.decode(answer.content)
    except msgspec.DecodeError as error:
        raise Refused(f"status {answer.status_code}, and no JSON") from error
    code = body.get("code") if isinstance(body, dict) else None
    if code == "Ok":
        return body
    raise Refused(f"status {answer.status_code}, code {code}", is_too_much=code == "TooBig")
