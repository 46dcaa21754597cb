import logging
from typing import Any

import celery
from celery.exceptions import Ignore

from avance.app.celery_meta import progress_of
from avance.integrations.celery import bonds

log: logging.Logger = logging.getLogger("avance.celery")


class Task(celery.Task):  # type: ignore[misc]
    """
    The base of all tasks of an attached app. Classes of one's own derive from it.
    """

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """
        Do not begin what was cancelled meanwhile, also where the worker that heard of it is gone.
        """
        bond = bonds.of(self.app)
        if bond is not None and bond.courier.is_cancelled(task_id):
            self.backend.mark_as_revoked(
                task_id, "cancelled", request=self.request, store_result=True
            )
            bond.drop(task_id)
            raise Ignore
        super().before_start(task_id, args, kwargs)

    def update_state(
        self,
        task_id: str | None = None,
        state: str | None = None,
        meta: Any = None,
        **options: Any,
    ) -> None:
        """
        As in Celery, and live beside it.
        """
        super().update_state(task_id=task_id, state=state, meta=meta, **options)
        bond = bonds.of(self.app)
        told = None if bond is None else progress_of(meta)
        if bond is not None and told is not None and task_id in (None, self.request.id):
            bond.progress(self.request, told)
