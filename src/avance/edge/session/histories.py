from avance.hub.item import unwrap
from avance.hub.namespaces import Namespace
from avance.ports.clock import Clock
from avance.ports.store import Store
from avance.protocol import messages as m
from avance.protocol.recovery import history_window


class Histories:
    """
    Reads what a channel keeps.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def read(
        self, request: m.HistoryRequest, namespace: Namespace, *, limit_max: int
    ) -> m.HistoryResult:
        """
        Answer a request within what the namespace keeps.

        Raises:
            ReplyError: `since` is of another epoch (112).
        """
        top = (await self._store.stream(request.channel)).top
        window = history_window(request, epoch=top.epoch, limit_max=limit_max)
        if not window.limit:
            return m.HistoryResult(epoch=top.epoch, offset=top.offset)
        low = max(0, top.offset - namespace.history_size)
        since = window.before if window.is_reverse else max(low, window.after or 0)
        page = await self._store.stream(
            request.channel, since=since, limit=window.limit, is_reversed=window.is_reverse
        )
        oldest_ms = self._oldest_ms(namespace)
        items = [unwrap(publication) for publication in page.publications]
        publications = [
            m.Publication(
                data=item.data,
                info=item.info,
                offset=item.offset,
                tags=dict(item.tags) if item.tags else {},
            )
            for item in items
            if item.offset > low and not 0 < item.time_ms < oldest_ms
        ]
        return m.HistoryResult(
            publications=publications, epoch=page.top.epoch, offset=page.top.offset
        )

    def _oldest_ms(self, namespace: Namespace) -> float:
        ttl_s = namespace.history_ttl_s
        return 0.0 if ttl_s is None else self._clock.now_ms() - ttl_s * 1000
