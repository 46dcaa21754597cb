from starlette.requests import ClientDisconnect, Request

from avance.errors import TooLarge


async def read_body(request: Request, bytes_max: int) -> bytes:
    """
    The body of a request.

    Raises:
        TooLarge: It is above the limit; the rest is not read.
        ClientDisconnect: The client left.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise TooLarge(f"the body is longer than {bytes_max} bytes", bytes_max=bytes_max)
    return bytes(body)


__all__ = ["ClientDisconnect", "read_body"]
