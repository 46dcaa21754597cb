"""
Web push: to the browsers that a user registered, though no page is open.
"""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import msgspec
import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid01, Vapid02  # type: ignore[import-untyped]
from pywebpush import WebPushException, webpush
from urllib3.exceptions import NewConnectionError

from avance.errors import InvalidRequest
from avance.notify.channel import DeliveryChannel, DeliveryError, Message, subject_of, text_of
from avance.notify.push_subscriptions import PushSubscription, PushSubscriptions

_log = logging.getLogger("avance.notify")
TTL_S = 86_400
TOGETHER_MAX = 20
"""Browsers that are told at once, each by a thread."""
TEXT_LENGTH_MAX = 1_000
"""A push service takes 4,096 bytes, encryption included."""
_GONE = frozenset({404, 410})


class PushChannel(DeliveryChannel):
    name = "push"

    def __init__(
        self,
        subscriptions: PushSubscriptions,
        *,
        private_key: str,
        subject: str,
        hosts: Sequence[str],
        timeout_s: float = 10.0,
    ) -> None:
        """
        Args:
            private_key: VAPID: base64url of 32 bytes, or of DER.
            subject: A `mailto:` of whoever runs this, for the push services.
            hosts: Ends of the names of push services. Nothing else is called, because browsers name the addresses.
        """
        self._subscriptions = subscriptions
        self._key = Vapid02.from_string(private_key)
        self._subject = subject
        self._hosts = tuple(hosts)
        self._timeout_s = timeout_s

    @property
    def public_key(self) -> str:
        """
        What a page gives to `pushManager.subscribe`.
        """
        return public_key_of(self._key)

    async def subscribe(self, user: str, subscription: PushSubscription) -> None:
        """
        Register a browser.

        Raises:
            InvalidRequest: It names a push service that is not allowed here.
        """
        self._check(subscription.endpoint)
        await self._subscriptions.add(user, subscription)

    async def unsubscribe(self, user: str, endpoint: str) -> None:
        """
        Forget a browser; one that is not there, or another user's, is left alone.
        """
        await self._subscriptions.remove(user, endpoint)

    async def send(self, message: Message) -> None:
        browsers = await self._subscriptions.of(message.user)
        if not browsers:
            raise DeliveryError("no browser is registered for push", is_final=True)
        body = self._body(message)
        failures: list[DeliveryError] = []

        async def push(browser: PushSubscription) -> None:
            try:
                await anyio.to_thread.run_sync(self._push, browser, body, limiter=threads)
            except _Gone:
                await self._subscriptions.remove(message.user, browser.endpoint)
                failures.append(DeliveryError("the browser is gone", is_final=True))
            except DeliveryError as error:
                failures.append(error)

        # Together: a slow service must not use up the time of the others.
        threads = anyio.CapacityLimiter(TOGETHER_MAX)
        async with anyio.create_task_group() as group:
            for browser in browsers:
                group.start_soon(push, browser)
        if len(failures) == len(browsers):
            # Once one browser has it, another attempt would reach that one twice.
            raise next((one for one in failures if not one.is_final), failures[0])

    def _body(self, message: Message) -> bytes:
        newest = message.notices[-1]
        return msgspec.json.encode(
            {
                "id": newest.id,
                "kind": newest.kind,
                "priority": newest.priority,
                "title": subject_of(message)[:TEXT_LENGTH_MAX],
                "body": text_of(message)[:TEXT_LENGTH_MAX],
                "url": newest.url,
            }
        )

    def _push(self, browser: PushSubscription, body: bytes) -> None:
        """
        Runs in a thread.
        """
        self._check(browser.endpoint)
        try:
            webpush(
                msgspec.to_builtins(browser),
                body,
                vapid_private_key=self._key,
                vapid_claims={"sub": self._subject},
                ttl=TTL_S,
                timeout=self._timeout_s,
            )
        except WebPushException as error:
            status = 0 if error.response is None else error.response.status_code
            if status in _GONE:
                raise _Gone from error
            is_final = 400 <= status < 500 and status != 429
            raise DeliveryError(f"the push service answered {status}", is_final=is_final) from error
        except requests.RequestException as error:
            if _never_left(error):
                raise DeliveryError("the push service cannot be reached") from error
            raise DeliveryError(
                f"the push service did not answer: {type(error).__name__}; not repeated, because it may have arrived",
                is_final=True,
            ) from error

    def _check(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        is_known = any(host == one or host.endswith(f".{one}") for one in self._hosts)
        # Only an operator who allowed loopback by name, for a trial, may do without TLS.
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and host == "127.0.0.1")
        if not is_known or not is_safe:
            raise InvalidRequest(
                f"{host or endpoint[:80]!r} is no push service that is allowed here; allow it with notify.push_hosts",
                code="push_host_unknown",
            )


def _never_left(error: requests.RequestException) -> bool:
    # `requests` has one name for a line that never stood and for one that broke after the message was on it.
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


class _Gone(Exception):
    """
    The browser withdrew its registration.
    """


def public_key_of(key: Vapid01) -> str:
    raw = key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
