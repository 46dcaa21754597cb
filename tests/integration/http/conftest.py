"""
The real HTTP app on a real store, called through ASGI.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

import httpx2 as httpx
import msgspec
import pytest
from fastapi import FastAPI

from avance.backends.memory import MemoryBus
from avance.backends.sqlite import SqliteDatabase, SqliteLimits, SqliteStore
from avance.backends.system import SystemClock
from avance.backends.tokens import MemoryRevocations, OpenAuth, TokenAuth
from avance.config.values import read_api_keys
from avance.edge.http import HttpLimits, HttpServices, OriginRules, http_app
from avance.jobs.follow import Follower
from avance.jobs.reporter import Reporter
from avance.jobs.service import Jobs
from avance.jobs.task import AnyTask, Runner, Task, TaskOptions, Throttle
from avance.model import machine
from avance.model.job import Job
from avance.model.report import AnyReport
from avance.ports.auth import TokenRules
from avance.ports.store import Store
from avance.testing.clock import FakeClock

KEYS = "key-ana=ana,key-bob=bob,key-mail=mail:sender,key-root=root:admin"
NEVER_SHOWN = "the password is 1234"


class Context:
    """
    Stands where a task takes its job.
    """


def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


def secret_task(text: str = "") -> str:
    return text


def a_task(function: Callable[..., Any], **options: Any) -> AnyTask:
    return Task(
        f"demo.{function.__name__}",
        function,
        TaskOptions(runner=Runner.PROCESS, **options),
        Context,
    )


@dataclass
class Site:
    app: FastAPI
    client: httpx.AsyncClient
    jobs: Jobs
    store: Store
    reporter: Reporter
    auth: TokenAuth
    clock: FakeClock
    revoked: list[Any] = field(default_factory=list)

    def as_user(self, user: str) -> dict[str, str]:
        """
        Headers of one of the API keys.
        """
        return {"X-API-Key": f"key-{user}"}

    def bearer(self, user: str, *, ttl_s: float = 600, **claims: object) -> dict[str, str]:
        return {"Authorization": "Bearer " + self.auth.issue(user, ttl_s=ttl_s, claims=claims)}

    async def submit(self, user: str = "ana", **body: Any) -> dict[str, Any]:
        answer = await self.client.post(
            "/v1/jobs",
            json={"task": "demo.add", "params": {"a": 1}, **body},
            headers=self.as_user(user),
        )
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def tell(self, *reports: AnyReport) -> Job:
        """
        Let the place where the task runs tell something, and wait until it is written.
        """
        for report in reports:
            self.reporter.tell(report)
        return await self.reporter.change(reports[-1].job_id, machine.stay)

    async def start(self, job_id: str) -> Job:
        return await self.reporter.change(
            job_id, lambda job: machine.claim(job, "w1", self.clock.now_ms())
        )


Open: TypeAlias = Callable[..., AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def open_site(
    *,
    mode: str = "token",
    limits: HttpLimits | None = None,
    origins: Sequence[str] = (),
    hosts: Sequence[str] = (),
    peer: str = "127.0.0.1",
    file_bytes_max: int | None = None,
    base_url: str = "http://127.0.0.1:8030",
    services: Mapping[str, Any] | None = None,
) -> AsyncIterator[Site]:
    clock, bus = FakeClock(), MemoryBus()
    tokens = TokenAuth(
        TokenRules(secrets=(b"0123456789abcdef0123456789abcdef",)),
        clock,
        MemoryRevocations(),
        api_keys=read_api_keys("api_keys", "test", KEYS),
    )
    tasks = {task.name: task for task in (a_task(add, expose=True, phases=()), a_task(secret_task))}
    async with (
        SqliteDatabase(
            ":memory:",
            clock=SystemClock(),
            limits=SqliteLimits(file_bytes_max=file_bytes_max),
        ) as database,
        SqliteStore(database) as store,
        bus,
        Reporter(
            store, bus, clock, random=Random(1), throttle_of=lambda _: Throttle(hz=1000)
        ) as reporter,
    ):
        jobs = Jobs(store, reporter, Follower(store, bus), clock, tasks)
        revoked: list[Any] = []
        app = http_app(
            HttpServices(
                jobs=jobs,
                auth=OpenAuth(tokens) if mode == "open" else tokens,
                clock=clock,
                version="1.2.3",
                origins=OriginRules(
                    is_open=mode == "open", origins=tuple(origins), hosts=tuple(hosts)
                ),
                limits=limits or HttpLimits(),
                on_revoked=revoked.append,
                **(services or {}),
            )
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(peer, 5))
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            yield Site(app, client, jobs, store, reporter, tokens, clock, revoked)


@pytest.fixture
def site() -> Open:
    return open_site


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """
    Check the form of an error and answer it.
    """
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = msgspec.json.decode(answer.content)
    assert set(body) == {"type", "title", "status", "code", "detail", "params"}
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:avance:error:{body['code']}"
    return body


@pytest.fixture
def problem() -> Callable[[httpx.Response], dict[str, Any]]:
    return problem_of
