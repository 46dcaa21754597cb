from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from job_watch import SOON
from redis import Redis
from redis_service import RedisServer
from rq_worker import RqWorker

from avance import Avance
from avance.app.engine import Engine
from avance.config import Settings
from avance.integrations.rq import Queue

Built = tuple[Avance, Engine]
Enqueue = Callable[..., Awaitable[str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """
    A Redis that nobody empties while a worker listens to it.
    """
    server = RedisServer(tmp_path_factory.mktemp("rq-redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(server: RedisServer) -> str:
    return server.url


@pytest.fixture(scope="module")
def worker(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RqWorker]:
    """
    Survives what happens to its jobs.
    """
    worker = RqWorker(server.url, tmp_path_factory.mktemp("rq-worker") / "log")
    yield worker
    worker.kill()


@pytest.fixture
def start_worker(redis_url: str, tmp_path: Path) -> Iterator[Callable[..., RqWorker]]:
    """
    Workers of a queue of their own.
    """
    with ExitStack() as stack:

        def start(queue: str, *, kind: str = "Worker") -> RqWorker:
            worker = RqWorker(redis_url, tmp_path / "worker.log", kind=kind, queue=queue)
            stack.callback(worker.kill)
            return worker

        yield start


@pytest.fixture
def enqueue(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Enqueue]:
    """
    Enqueue as a program without an event loop does; answers the id.
    """
    monkeypatch.delenv("AVANCE_BUS", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    with Redis.from_url(redis_url) as connection:

        async def call(*args: Any, queue: str = "default", **options: Any) -> str:
            into = Queue(queue, connection=connection)
            return str((await run_sync(partial(into.enqueue, *args, **options))).id)

        yield call


@pytest.fixture
def built(redis_url: str, tmp_path: Path) -> Built:
    settings = Settings(data=str(tmp_path / "data"), bus=redis_url, sections={"reports": SOON})
    app = Avance(settings=settings)
    return app, app.build(executes=True)


@pytest.fixture
async def host(built: Built) -> AsyncIterator[Avance]:
    app, engine = built
    async with app.running(engine):
        yield app
