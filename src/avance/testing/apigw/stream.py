"""
The stream of a table and the function behind it, as Lambda's event source mapping connects them: in order, and again when the function fails.
"""

from collections.abc import Callable, Collection, Mapping
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import msgspec


class StreamLimits(msgspec.Struct, frozen=True, kw_only=True):
    retries_max: int = 10
    """`maximumRetryAttempts`: then the record is given up."""
    batch: int = 1
    pause_s: float = 0.02
    """Between two looks, and before a record is tried again."""


class Stream:
    """
    A context manager: while it is open, every new record of the table is handed to the function.
    """

    def __init__(
        self,
        client: Any,
        arn: str,
        handler: Callable[[Mapping[str, Any], Any], object],
        *,
        events: Collection[str] = ("INSERT", "MODIFY", "REMOVE"),
        limits: StreamLimits | None = None,
    ) -> None:
        """
        Args:
            client: Of boto3, for `dynamodbstreams`.
            arn: `LatestStreamArn` of the table.
            events: The filter of the mapping.
        """
        self._client = client
        self._arn = arn
        self._handler = handler
        self._events = events
        self._limits = limits or StreamLimits()
        self._is_over = Event()
        self._thread = Thread(target=self._run, name="stream")
        self.failures: list[Exception] = []
        """What the function raised, in order."""
        self.given_up: int = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """
        End it, and wait for the function that runs.
        """
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        told = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]
        iterators: dict[str, str] = {
            shard["ShardId"]: self._client.get_shard_iterator(
                StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in told["Shards"]
        }
        while not self._is_over.wait(self._limits.pause_s):
            for shard, iterator in list(iterators.items()):
                found = self._client.get_records(ShardIterator=iterator)
                iterators[shard] = found["NextShardIterator"]
                records = [one for one in found["Records"] if one["eventName"] in self._events]
                for at in range(0, len(records), self._limits.batch):
                    self._deliver(records[at : at + self._limits.batch])

    def _deliver(self, records: list[Any]) -> None:
        for _ in range(self._limits.retries_max + 1):
            try:
                self._handler({"Records": records}, None)
            except Exception as error:  # noqa: BLE001 - as the service does: whatever a function raises is tried again
                self.failures.append(error)
            else:
                return
            if self._is_over.wait(self._limits.pause_s):
                return
        self.given_up += len(records)
