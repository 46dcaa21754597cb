from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery
from celery_worker import Worker
from job_watch import SOON
from redis_service import RedisServer

from avance import Avance
from avance.app.engine import Engine
from avance.config import Settings

Built = tuple[Avance, Engine]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """
    A Redis that nobody empties while a worker listens to it.
    """
    server = RedisServer(tmp_path_factory.mktemp("celery-redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(server: RedisServer) -> str:
    return server.url


@pytest.fixture(scope="module")
def worker(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """
    Survives what happens to its tasks.
    """
    worker = Worker(server.url, tmp_path_factory.mktemp("celery-worker") / "log")
    yield worker
    worker.kill()


@pytest.fixture
def start_worker(redis_url: str, tmp_path: Path) -> Iterator[Callable[[], Worker]]:
    """
    Workers of a queue of their own, to be killed.
    """
    with ExitStack() as stack:

        def start() -> Worker:
            worker = Worker(redis_url, tmp_path / "worker.log", queue="doomed")
            stack.callback(worker.kill)
            return worker

        yield start


@pytest.fixture
def send(redis_url: str) -> Iterator[Callable[..., str]]:
    """
    Send a task by name as a program does that knows nothing of avance; answers its id.
    """
    with Celery("sender", broker=redis_url, backend=redis_url) as sender:
        yield lambda name, *args, **options: sender.send_task(name, args, **options).id


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
