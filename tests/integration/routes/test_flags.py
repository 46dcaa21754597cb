"""
The flags of the brief, as they stand in the environment. docs/contract/routes.md, 2.3 and decisions 11 and 12.
"""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from avance.apps.routes.sample import sample_day

from .conftest import PATIENCE_S, Site, serving

pytestmark = pytest.mark.timeout(90)

OFF = {"CELERY_ENABLED": "false", "WEBSOCKET_ENABLED": "false", "USE_DATABASE": "false"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path, env=OFF, celery_app="nowhere:app") as started:
        yield started


async def test_without_celery_and_web_sockets_jobs_run_all_the_same_and_are_polled(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """001-29 001-31 001-44: a Celery app is named, and yet nobody looks for it."""
    started = await site.start(sample_day(8))
    assert started["websocket_url"] is None
    assert site.host.settings.store_url == "sqlite://:memory:"
    with pytest.raises(InvalidStatus) as refused:
        await connect(site.socket_url(started["job_id"]))
    status = started
    with anyio.fail_after(PATIENCE_S):
        while status["status"] != "completed":
            await anyio.sleep(0.05)
            status = (await site.get(f"/jobs/{started['job_id']}")).json()
    kept = [one async for one in anyio.Path(site.host.settings.data).rglob("*.db")]
    assert not kept
    assert status["execution_mode"] == "embedded"
    assert not [one for one in caplog.records if one.name == "avance.routes"]
    assert refused.value.response.status_code == 404
    assert b"WEBSOCKET_ENABLED" in (refused.value.response.body or b"")
