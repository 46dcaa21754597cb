"""
`/batch/{batch_id}/stream` of docs/contract/ingest.md, 3.4: the numbers of a dashboard, as they change.
"""

from collections.abc import Iterable

import msgspec

from avance import Avance
from avance.apps.documents.batch_work import Standing, standing, statistics
from avance.apps.documents.frames import BatchProgress, Pong
from avance.apps.documents.ingest_socket import is_ping
from avance.dialect import (
    CLOSE_END,
    CLOSE_REFUSED,
    CLOSE_UNKNOWN,
    Close,
    Dialect,
    Do,
    Effect,
    Event,
    Send,
    Visit,
    Wake,
    Watch,
    speaks,
)
from avance.errors import NotFound

EVERY_S = 0.25
"""A thousand files end faster than anybody reads; the numbers are told so often at most."""
LOOK_S = 2.0
"""A batch that has no job yet is looked at so often."""
_encode = msgspec.json.Encoder().encode


class BatchSocket(Dialect):
    """
    Tells how the batch is whenever its parent job moves, and is closed after the last file.
    """

    def __init__(self, host: Avance) -> None:
        self._host = host
        self._batch_id = ""
        self._job_id: str | None = None
        self._said: BatchProgress | None = None
        self._is_due = False

    def opened(self, visit: Visit) -> Iterable[Effect]:
        identity = visit.identity
        if identity is None:
            return [Close(*CLOSE_REFUSED)]
        self._batch_id = visit.path["batch_id"]

        async def begin() -> Iterable[Effect]:
            try:
                found = await standing(self._host, self._batch_id)
            except NotFound:
                return [Close(*CLOSE_UNKNOWN)]
            if found.batch.owner != identity.user and not identity.is_admin:
                return [Close(*CLOSE_UNKNOWN)]
            return self._tell(found)

        return [Do(begin)]

    def heard(self, text: str) -> Iterable[Effect]:
        return [Send(_encode(Pong()))] if is_ping(text) else ()

    def happened(self, channel: str, event: Event) -> Iterable[Effect]:
        return self._soon(EVERY_S)

    def rang(self, name: str) -> Iterable[Effect]:
        self._is_due = False
        return [Do(self._look)]

    async def _look(self) -> Iterable[Effect]:
        try:
            return self._tell(await standing(self._host, self._batch_id))
        except NotFound:
            return [Close(*CLOSE_END)]

    def _tell(self, found: Standing) -> list[Effect]:
        effects: list[Effect] = []
        told = BatchProgress(
            batch_id=self._batch_id,
            status=found.status.value,
            statistics=statistics(found.counts),
            progress_percentage=found.percent,
        )
        if told != self._said:
            self._said = told
            effects.append(Send(_encode(told)))
        if found.status.is_final:
            return [*effects, Close(*CLOSE_END)]
        if found.batch.job_id != self._job_id and found.batch.job_id is not None:
            self._job_id = found.batch.job_id
            # Whatever was missed between reading and watching is seen by looking once more.
            return [*effects, Watch(f"job:{self._job_id}"), *self._soon(EVERY_S)]
        return [*effects, *self._soon(LOOK_S)]

    def _soon(self, after_s: float) -> Iterable[Effect]:
        if after_s >= LOOK_S:
            return [] if self._is_due else [Wake("look", after_s)]
        if self._is_due:
            return []
        self._is_due = True
        return [Wake("look", after_s)]


@speaks(sends=(BatchProgress, Pong))
def speak(host: Avance) -> Dialect:
    """
    How many files of a batch wait, are read, are done and have failed, until the last has ended.
    """
    return BatchSocket(host)
