from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from redis import Redis
from rq_worker import RqWorker

from avance import Avance
from avance.app.engine import Engine
from avance.config import Settings
from avance.integrations.rq import Queue

Built = tuple[Avance, Engine]
Enqueue = Callable[..., Awaitable[str]]


@pytest.fixture
def start_worker(redis_url: str, tmp_path: Path) -> Iterator[Callable[..., RqWorker]]:
    with ExitStack() as stack:

        def start(kind: str = "Worker") -> RqWorker:
            worker = RqWorker(redis_url, tmp_path / "worker.log", kind=kind)
            stack.callback(worker.kill)
            return worker

        yield start


@pytest.fixture
def worker(start_worker: Callable[..., RqWorker]) -> RqWorker:
    return start_worker()


@pytest.fixture
def enqueue(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Enqueue]:
    """
    Enqueue as a program without an event loop does; answers the id.
    """
    monkeypatch.delenv("AVANCE_BUS", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    with Redis.from_url(redis_url) as connection:
        queue = Queue(connection=connection)

        async def call(*args: Any, **options: Any) -> str:
            return str((await run_sync(partial(queue.enqueue, *args, **options))).id)

        yield call


@pytest.fixture
def built(redis_url: str, tmp_path: Path) -> Built:
    app = Avance(settings=Settings(data=str(tmp_path / "data"), bus=redis_url))
    return app, app.build(executes=True)


@pytest.fixture
async def host(built: Built) -> AsyncIterator[Avance]:
    app, engine = built
    async with app.running(engine):
        yield app
