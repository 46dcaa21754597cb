"""
Who runs an optimization: the workers of avance, or those of a Celery app where the settings name one that can be reached.
"""

import importlib
import logging
from typing import Any
from uuid import uuid4

import anyio
from anyio import to_thread

from avance.apps.routes.declare import app
from avance.apps.routes.jobs import OPTIMIZE
from avance.apps.routes.settings import RoutesSettings
from avance.apps.routes.tasks import optimize
from avance.errors import ConfigError
from avance.web import Caller

BROKER_S = 2.0
"""So long a broker may take to accept a task."""
APPEARS_S = 2.0
"""So long the answer waits for a task that was sent to be known as a job."""

_log = logging.getLogger("avance.routes")


async def start(packed: str, who: Caller, *, title: str | None) -> str:
    """
    Start an optimization; answers the id of its job, which is the id of its task as well.
    """
    settings = app.host.settings.section(RoutesSettings)
    if settings.celery_enabled and settings.celery_app and _hears_of_celery():
        job_id = await _send(settings.celery_app, packed, who.user)
        if job_id is not None:
            return job_id
    options = optimize.using(owner=who.user, tenant=who.identity.tenant, title=title)
    return (await options.submit(packed)).id


def _hears_of_celery() -> bool:
    has_bus = app.host.settings.bus is not None
    if not has_bus:
        _log.warning(
            "optimizations run here: nothing would be heard of Celery without a bus; set AVANCE_BUS"
        )
    return has_bus


async def _send(reference: str, packed: str, owner: str) -> str | None:
    """
    None when nobody took it: then the workers of avance do.
    """
    # The first time it is imported, which reads files.
    celery = await to_thread.run_sync(_celery_app, reference)
    job_id = str(uuid4())

    def send() -> None:
        headers = {"avance_owner": owner}
        celery.send_task(OPTIMIZE, (packed,), task_id=job_id, headers=headers, retry=False)

    try:
        with anyio.fail_after(BROKER_S):
            await to_thread.run_sync(send, abandon_on_cancel=True)
    except Exception as error:  # noqa: BLE001 - each broker has errors of its own; whichever, the job is not lost
        _log.warning("Celery does not take the optimization, so it runs here: %r", error)
        return None
    await app.host.jobs.appears(job_id, within_s=APPEARS_S)
    return job_id


def _celery_app(reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name or "app")
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"AVANCE_ROUTES_CELERY_APP is {reference!r} and cannot be imported ({error}); write module:app",
            setting="routes.celery_app",
        ) from error
