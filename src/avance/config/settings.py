"""
What can be set. Limits stand beside the part that they bound; here they are collected.
"""

import ipaddress
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

from avance.edge.drivers.limits import SocketLimits
from avance.edge.http.limits import HttpLimits
from avance.edge.session.settings import SessionSettings
from avance.errors import ConfigError
from avance.hub.limits import HubLimits
from avance.hub.namespaces import INBOX, JOB, JOBS, TOPIC, Namespace
from avance.jobs.dispatcher import DispatcherLimits
from avance.jobs.reporter import ReporterLimits
from avance.model.job import JobLimits
from avance.model.secret import Secret
from avance.ports.auth import ApiKey, TokenLimits
from avance.ports.store import Durability, Retention

Section = TypeVar("Section", bound=msgspec.Struct)


class AuthMode(StrEnum):
    OPEN = "open"
    """Everybody is the admin `dev`; for loopback."""
    TOKEN = "token"
    """Every request brings a token or a key."""


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """
    Made by `read_settings`; every field is `AVANCE_` and its name in capitals, and a line of the file.
    """

    host: str = "127.0.0.1"
    """The address to listen on. One that others can reach needs `auth = "token"`."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8030
    """The port to listen on; 0 takes a free one."""
    data: str = "avance-data"
    """The directory for what avance keeps: the SQLite file, blobs, the secret that signs tokens."""
    store: str | None = None
    """Where jobs and events are kept, such as `sqlite:///avance.db` or `postgresql://user:password@host:5432/database`; by default a SQLite file in `data`."""
    use_database: bool = True
    """False: jobs, events and tables live in the memory of this process and are gone with it, whatever `store` names."""
    blobs: str | None = None
    """Where files are kept, such as `s3://bucket/prefix?endpoint=https://s3.example.com`; by default a directory in `data`."""
    bus: str | None = None
    """A Redis by which nodes hear of each other at once, such as `redis://127.0.0.1:6379/0`; several, separated by commas, share the channels. Without one they hear through the store."""
    celery: str | None = None
    """The Redis in which Celery keeps its results, such as `redis://127.0.0.1:6379/1`: the states of all its tasks are shown, without a change to them. Needs `bus`."""
    app: str | None = None
    """The app to serve when the command line names none, as `module:app`."""
    apps: tuple[str, ...] = ("all",)
    """Which of the installed apps are served, such as `documents,ocr`; `all`, or `none` for only what you bring."""
    auth: AuthMode = AuthMode.OPEN
    """`open`: everybody is the admin `dev`. `token`: every request brings a token or an API key."""
    allow_open_bind: bool = False
    """Serve in open mode on an address that others can reach: whoever reaches it may do everything."""
    token_secret: Secret | None = None
    """Signs and verifies HS256, HS384 and HS512 tokens; without it one is made and kept in `data`."""
    token_secret_previous: Secret | None = None
    """Tokens that it signed are still accepted, so that a secret can be changed without signing anybody out."""
    token_public_keys: tuple[str, ...] = ()
    """PEM files with public keys whose RS, PS, ES or EdDSA tokens are accepted."""
    jwks_url: str | None = None
    """The address of an issuer's public keys."""
    token_audience: str | None = None
    """Only tokens with this `aud` are accepted."""
    token_issuer: str | None = None
    """Only tokens with this `iss` are accepted."""
    api_keys: tuple[ApiKey, ...] = ()
    """`key=user` or `key=user:role`, separated by commas; instead of the key, `sha256:` and its SHA-256 in hex."""
    origins: tuple[str, ...] = ()
    """Web pages from elsewhere that may call, such as `https://app.example.com`, separated by commas."""
    hosts: tuple[str, ...] = ()
    """In open mode, names beside loopback by which the server may be called; `*` is any, and the default with `allow_open_bind`."""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    root_path: str = ""
    """The prefix that a proxy takes away before it calls."""
    processes: Annotated[int, msgspec.Meta(ge=0, le=1_024)] | None = None
    """Child processes that run tasks; by default one for each processor."""
    threads: Annotated[int, msgspec.Meta(ge=0, le=1_024)] = 8
    """Tasks with `runner="thread"` at the same time."""
    coroutines: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100
    """Tasks that are `async def` at the same time."""
    durability: Durability = Durability.FULL
    """`full`: what was answered survives a power cut. `normal`: it survives a killed process."""
    drain_s: Annotated[float, msgspec.Meta(ge=0, le=3_600)] = 10.0
    """How long a stopping server waits for running tasks; what is left goes back to the queue."""
    spread_s: Annotated[float, msgspec.Meta(ge=0, le=300)] = 2.0
    """A stopping server sends its connections away over so long, so that they do not all come back at once."""
    socket_ping_interval_s: Annotated[float, msgspec.Meta(gt=0, le=3_600)] = 30.0
    """Between pings on the sockets of apps; the Centrifugo protocol keeps its own."""
    socket_ping_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3_600)] = 10.0
    """A socket of an app that does not answer a ping for so long is closed."""
    log_level: LogLevel = LogLevel.INFO
    """`debug`, `info`, `warning` or `error`."""
    access_log: bool = False
    """Log every request; tokens and keys in addresses are blotted out."""
    http: HttpLimits = HttpLimits()
    """Requests: sizes, rates, lives of tokens."""
    sockets: SocketLimits = SocketLimits()
    """One connection."""
    session: SessionSettings = SessionSettings()
    """Clients of the Centrifugo protocol."""
    hub: HubLimits = HubLimits()
    """Fan-out, recovery, presence."""
    jobs: JobLimits = JobLimits()
    """One job."""
    dispatcher: DispatcherLimits = DispatcherLimits()
    """Leases and their renewal."""
    reporter: ReporterLimits = ReporterLimits()
    """The writer of job events."""
    retention: Retention = Retention()
    """How long jobs and events are kept."""
    tokens: TokenLimits = TokenLimits()
    """Verification of tokens."""
    namespaces: tuple[Namespace, ...] = (JOB, JOBS, INBOX, TOPIC)
    """Channels, in the file only: `[namespaces.<name>]` changes or adds one."""
    sections: dict[str, msgspec.Struct] = {}
    """Settings of backends and apps, by the name of their section."""

    @property
    def store_url(self) -> str:
        """
        The store, named or by default.
        """
        if not self.use_database:
            return "sqlite://:memory:"
        return self.store or f"sqlite:///{self.data}/avance.db"

    def section(self, kind: type[Section]) -> Section:
        """
        The settings of a backend or an app; its defaults where it was not read.
        """
        for one in self.sections.values():
            if isinstance(one, kind):
                return one
        return kind()


ALIASES = {
    "DATABASE_URL": "store",
    "USE_DATABASE": "use_database",
    "REDIS_URL": "bus",
    "WS_HEARTBEAT_INTERVAL": "socket_ping_interval_s",
    "WS_PING_TIMEOUT": "socket_ping_timeout_s",
}
"""Names from the environment that are accepted beside `AVANCE_…`, which wins."""


def check_bind(settings: Settings) -> None:
    """
    Refuse to serve everybody as admin where others can reach the port.

    Raises:
        ConfigError: Open mode on a public address, without `allow_open_bind`.
    """
    if settings.auth is AuthMode.OPEN and not settings.allow_open_bind:
        if _is_loopback(settings.host):
            return
        raise ConfigError(
            f"host is {settings.host!r}, which others can reach, and auth is open, so that everybody would be admin: "
            "set AVANCE_AUTH=token, listen on 127.0.0.1, or start with --allow-open-bind",
            setting="host",
            value=settings.host,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
