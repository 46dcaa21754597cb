"""
What tells users things: the settings of the channels, and the parts that run beside the engine.
"""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Annotated, Any, ClassVar, Self

import msgspec

from avance.config import Secret
from avance.errors import ConfigError
from avance.hub.hub import Hub
from avance.hub.subscription import Snapshot
from avance.jobs.reporter import Reporter
from avance.jobs.task import AnyTask
from avance.model.job import Job
from avance.model.stream import job_channel, stamp
from avance.notify.channel import DeliveryChannel
from avance.notify.deliverer import Deliverer
from avance.notify.limits import NotifyLimits
from avance.notify.on_finish import OnFinish
from avance.notify.service import Inboxes
from avance.notify.upkeep import InboxUpkeep
from avance.ports.bus import Bus
from avance.ports.clock import Clock
from avance.ports.records import Records
from avance.ports.store import Store


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    How notifications leave the house. A channel that lacks its settings is not there.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "SMTP_SERVER": "smtp_server",
        "SMTP_PORT": "smtp_port",
        "NOTIFICATION_EMAIL": "email_from",
        "NOTIFICATION_EMAIL_PASSWORD": "email_password",
        "TWILIO_ACCOUNT_SID": "twilio_account",
        "TWILIO_AUTH_TOKEN": "twilio_token",
        "TWILIO_FROM_NUMBER": "twilio_from",
    }

    smtp_server: str | None = None
    """The mail server; with `email_from` the channel `email` is there."""
    smtp_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    """587 and others: TLS once the server offers it; 465: TLS from the start."""
    email_from: str | None = None
    """Who sends the mails, and the account at the server."""
    email_password: Secret | None = None
    """Without it the server is used without an account."""
    webhook_url: str | None = None
    """The channel `webhook` calls it."""
    webhook_secret: Secret | None = None
    """Signs these calls: `X-Avance-Signature`."""
    twilio_account: str | None = None
    """The account of the channel `sms`."""
    twilio_token: Secret | None = None
    """Its token."""
    twilio_from: str | None = None
    """The number that sends."""
    twilio_url: str = "https://api.twilio.com"
    """Where Twilio is."""
    vapid_private_key: Secret | None = None
    """Base64url of the 32 bytes of a P-256 key; with it the channel `push` is there."""
    vapid_subject: str = "mailto:root@localhost"
    """Whom push services may write to."""
    push_hosts: tuple[str, ...] = (
        "fcm.googleapis.com",
        "push.services.mozilla.com",
        "push.apple.com",
        "notify.windows.com",
    )
    """Ends of the names of push services; no others are called."""
    apprise_urls: Secret | None = None
    """Addresses of Apprise, separated by spaces; with one the channel `apprise` is there."""


class Notices:
    """
    An async context manager: open it after the hub, close it before it.
    """

    def __init__(
        self,
        records: Records,
        store: Store,
        bus: Bus,
        clock: Clock,
        *,
        node: str,
        settings: NotifySettings,
        limits: NotifyLimits,
        tasks: Mapping[str, AnyTask],
    ) -> None:
        self.inboxes = Inboxes(records, bus, clock, limits=limits)
        self.push = _push(self.inboxes, settings)
        self.inboxes.channels.update(
            (channel.name, channel)
            for channel in (*_channels(settings, clock), *([self.push] if self.push else ()))
        )
        self.deliverer = Deliverer(self.inboxes, node=node)
        self._store = store
        self._tasks = tasks
        self._hub: Hub | None = None
        self._reporter: Reporter | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for channel in self.inboxes.channels.values():
                stack.push_async_callback(channel.close)
            await stack.enter_async_context(self.inboxes.receipts)
            await stack.enter_async_context(InboxUpkeep(self.inboxes))
            await stack.enter_async_context(self.deliverer)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stack.aclose()

    def follow(self, reporter: Reporter, hub: Hub) -> None:
        """
        Tell the owners of jobs that end.
        """
        self._hub, self._reporter = hub, reporter
        reporter.listen(self._heard)

    async def snapshot(self, channel: str, /) -> Snapshot | None:
        """
        The first thing that a subscriber of `inbox:#<user>` is told. The position is read before the rows, so that what comes after it
        may repeat what the rows hold, and never lacks anything.
        """
        top = (await self._store.stream(channel)).top
        body = msgspec.json.encode(await self.inboxes.snapshot(channel.partition("#")[2]))
        return Snapshot(offset=top.offset, data=stamp(body, top.offset))

    def _heard(self, job: Job) -> None:
        task = self._tasks.get(job.kind)
        rule: OnFinish | None = getattr(task, "notify", None)
        if rule is None or job.owner is None or not rule.concerns(job.state):
            return
        if self._reporter is not None:
            self._reporter.run_soon(self._tell_owner(job, job.owner, rule))

    async def _tell_owner(self, job: Job, owner: str, rule: OnFinish) -> None:
        if not await self._is_watched(job, owner):
            await self.inboxes.send(rule.draft(job, owner))

    async def _is_watched(self, job: Job, owner: str) -> bool:
        if self._hub is None:
            return False
        channel = job_channel(job.id)
        members = await self._hub.watchers(channel)
        if any(member.user == owner for member in members.values()):
            return True
        # The sockets of dialects are in the channel without an entry in presence; they let only the owner and admins in.
        return self._hub.subscriber_counts().get(channel, 0) > len(members)


def _channels(settings: NotifySettings, clock: Clock) -> Iterator[DeliveryChannel]:
    # Each needs a library that only those who set it up have.
    if settings.smtp_server and settings.email_from:
        from avance.notify.channels.email import EmailChannel  # noqa: PLC0415

        yield EmailChannel(
            server=settings.smtp_server,
            port=settings.smtp_port,
            sender=settings.email_from,
            password=_revealed(settings.email_password),
            clock=clock,
        )
    if settings.webhook_url:
        if settings.webhook_secret is None:
            raise ConfigError(
                "notify.webhook_url needs notify.webhook_secret, so that the receiver can tell whose call it is",
                setting="notify.webhook_secret",
            )
        from avance.notify.channels.webhook import WebhookChannel  # noqa: PLC0415

        secret = settings.webhook_secret.reveal()
        yield WebhookChannel(url=settings.webhook_url, secret=secret, clock=clock)
    if settings.twilio_account and settings.twilio_token and settings.twilio_from:
        from avance.notify.channels.sms import SmsChannel  # noqa: PLC0415

        yield SmsChannel(
            account=settings.twilio_account,
            token=settings.twilio_token.reveal(),
            sender=settings.twilio_from,
            base_url=settings.twilio_url,
        )
    if settings.apprise_urls:
        from avance.notify.channels.apprise import AppriseChannel  # noqa: PLC0415

        yield AppriseChannel(settings.apprise_urls.reveal().split())


def _push(inboxes: Inboxes, settings: NotifySettings) -> Any:
    if settings.vapid_private_key is None:
        return None
    from avance.notify.channels.push import PushChannel  # noqa: PLC0415
    from avance.notify.push_subscriptions import PushSubscriptions  # noqa: PLC0415

    return PushChannel(
        PushSubscriptions(inboxes.records, inboxes.limits),
        private_key=settings.vapid_private_key.reveal(),
        subject=settings.vapid_subject,
        hosts=settings.push_hosts,
    )


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
