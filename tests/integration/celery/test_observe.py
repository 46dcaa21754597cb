"""
Tasks that know nothing of avance, seen through what Celery itself publishes.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from celery_worker import Worker
from job_watch import ended, until
from redis_service import RedisServer

from avance import Avance, State
from avance.app.celery_watch import CeleryState, told_of
from avance.app.engine import Engine
from avance.app.reports import Appeared, Dropped
from avance.config import Settings
from avance.model.report import Done, Failed, ProgressMade, Started

pytestmark = pytest.mark.timeout(40)
Built = tuple[Avance, Engine]


@pytest.fixture
def built(redis_url: str, tmp_path: Path) -> Built:
    settings = Settings(data=str(tmp_path / "data"), bus=redis_url, celery=redis_url)
    app = Avance(settings=settings)
    return app, app.build(executes=True)


@pytest.fixture
async def host(built: Built) -> AsyncIterator[Avance]:
    app, engine = built
    async with app.running(engine):
        yield app


@pytest.fixture(scope="module")
def untouched(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    log = tmp_path_factory.mktemp("untouched") / "log"
    worker = Worker(server.url, log, queue="bare", app="untouched")
    yield worker
    worker.kill()


async def test_states_of_tasks_without_a_change_are_shown_live(
    host: Avance, untouched: Worker, send: Callable[..., str], tmp_path: Path
) -> None:
    """
    001-25: what a task gives to Celery's own state is what a client sees.
    """
    job_id = send("bare", str(tmp_path), queue="bare")
    job = await until(host, job_id, lambda job: job.progress.current == 4)
    assert (job.kind, job.state, job.progress.percent) == ("bare", State.RUNNING, 40)
    assert job.progress.message == "halfway"
    (tmp_path / "go").touch()
    job = await ended(host, job_id)
    assert (job.state, bytes(job.result or b"")) == (State.COMPLETED, b'{"ok":true}')


async def test_a_failure_of_such_a_task_has_its_words(
    host: Avance, untouched: Worker, send: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("go", "fail"):
        (tmp_path / name).touch()
    job = await ended(host, send("bare", str(tmp_path), queue="bare"))
    assert job.error is not None
    assert (job.state, job.error.code, job.error.message) == (
        State.FAILED,
        "ValueError",
        "no more",
    )


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        ("PENDING", [Appeared]),
        ("STARTED", [Appeared, Started]),
        ("SUCCESS", [Appeared, Done]),
        ("FAILURE", [Appeared, Failed]),
        ("REJECTED", [Appeared, Failed]),
        ("REVOKED", [Appeared, Dropped]),
        ("CRUNCHING", [Appeared, Started, ProgressMade]),
    ],
)
def test_each_state_has_a_meaning(status: str, kinds: list[type]) -> None:
    state = CeleryState(task_id="a", status=status, result={"percent": 30})
    assert [type(told) for told in told_of(state, 1)] == kinds
