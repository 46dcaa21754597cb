"""
A signed call to one address of the operator's.
"""

import hashlib
import hmac

import msgspec

from avance.model.inbox import Notice
from avance.notify.channel import DeliveryChannel, Message
from avance.notify.channels.calls import a_client, post
from avance.ports.clock import Clock


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the receiver gets. `X-Avance-Delivery` is `id`.
    """

    id: str
    user: str
    notifications: tuple[Notice, ...]
    further: int = 0


class WebhookChannel(DeliveryChannel):
    name = "webhook"

    def __init__(self, *, url: str, secret: str, clock: Clock, timeout_s: float = 10.0) -> None:
        self._url = url
        self._secret = secret.encode()
        self._clock = clock
        self._client = a_client(timeout_s)

    async def send(self, message: Message) -> None:
        body = msgspec.json.encode(
            WebhookBody(
                id=message.id,
                user=message.user,
                notifications=message.notices,
                further=message.further,
            )
        )
        timestamp = str(self._clock.now_ms() // 1000)
        headers = {
            "content-type": "application/json",
            "x-avance-delivery": message.id,
            "x-avance-timestamp": timestamp,
            "x-avance-signature": signature(self._secret, timestamp, body),
        }
        await post(self._client, self._url, "the webhook", content=body, headers=headers)

    async def close(self) -> None:
        await self._client.aclose()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """
    `sha256=<hex HMAC of timestamp + "." + body>`.
    """
    signed = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"
