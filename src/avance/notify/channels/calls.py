"""
One HTTP call out of the house, and what its answer means for another attempt.
"""

from collections.abc import Mapping

import httpx2 as httpx

from avance.notify.channel import DeliveryError

_AGAIN = frozenset({408, 425, 429})


def a_client(timeout_s: float) -> httpx.AsyncClient:
    """
    A client that opens a connection for each call. One that was kept may be closed by the other side at the moment of the next call, and
    nobody would know whether that call arrived.
    """
    return httpx.AsyncClient(timeout=timeout_s, limits=httpx.Limits(max_keepalive_connections=0))


async def post(
    client: httpx.AsyncClient,
    url: str,
    what: str,
    *,
    content: bytes | None = None,
    data: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
) -> None:
    """
    Raises:
        DeliveryError: It was not accepted; final where the receiver refuses it, or may have taken it.
    """
    try:
        answer = await client.post(
            url,
            content=content,
            data=data,
            headers=headers,
            auth=auth or httpx.Auth(),
            follow_redirects=False,
        )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise DeliveryError(f"{what} cannot be reached: {type(error).__name__}") from error
    except httpx.HTTPError as error:
        raise DeliveryError(
            f"{what} did not answer: {type(error).__name__}; not repeated, because it may have arrived",
            is_final=True,
        ) from error
    if not answer.is_success:
        is_final = answer.status_code < 500 and answer.status_code not in _AGAIN
        raise DeliveryError(f"{what} answered {answer.status_code}", is_final=is_final)
