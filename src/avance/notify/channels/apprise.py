"""
Everything that Apprise reaches, at the addresses that the operator named.
"""

from collections.abc import Sequence

from apprise import Apprise

from avance.errors import ConfigError
from avance.notify.channel import DeliveryChannel, DeliveryError, Message, subject_of, text_of


class AppriseChannel(DeliveryChannel):
    name = "apprise"

    def __init__(self, urls: Sequence[str]) -> None:
        """
        Raises:
            ConfigError: Apprise does not know an address; the message names its scheme, never the rest, which holds secrets.
        """
        self._all = Apprise()
        for url in urls:
            if not self._all.add(url):
                raise ConfigError(
                    f"Apprise does not know the address {url.partition(':')[0]}:…; correct notify.apprise_urls",
                    setting="notify.apprise_urls",
                )

    async def send(self, message: Message) -> None:
        is_sent = await self._all.async_notify(title=subject_of(message), body=text_of(message))
        if not is_sent:
            # With several services some may have taken it, and they would get it twice.
            raise DeliveryError("a service of Apprise refused it", is_final=len(self._all) > 1)
