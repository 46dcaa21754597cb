"""
Text messages through Twilio.
"""

import httpx2 as httpx

from avance.notify.channel import DeliveryChannel, DeliveryError, Message, subject_of, text_of
from avance.notify.channels.calls import a_client, post

TEXT_LENGTH_MAX = 480
"""Three parts; what is longer costs more and is not read."""


class SmsChannel(DeliveryChannel):
    name = "sms"

    def __init__(
        self,
        *,
        account: str,
        token: str,
        sender: str,
        base_url: str = "https://api.twilio.com",
        timeout_s: float = 10.0,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account}/Messages.json"
        self._auth = httpx.BasicAuth(account, token)
        self._sender = sender
        self._client = a_client(timeout_s)

    async def send(self, message: Message) -> None:
        number = message.preferences.addresses.phone
        if number is None:
            raise DeliveryError("the user has no phone number", is_final=True)
        text = subject_of(message)
        if not message.is_digest:
            text = f"{text}: {text_of(message)}"
        form = {"To": number, "From": self._sender, "Body": text[:TEXT_LENGTH_MAX]}
        await post(self._client, self._url, "Twilio", data=form, auth=self._auth)

    async def close(self) -> None:
        await self._client.aclose()
