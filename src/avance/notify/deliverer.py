"""
The loop that sends what is due. Safe with several nodes: a delivery belongs to whoever leased it, and one whose sending was interrupted is
not repeated, because nobody knows whether it arrived.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import TracebackType
from typing import Self

import msgspec
from anyio import fail_after

from avance.errors import Unavailable
from avance.model.inbox import Notice
from avance.notify import rows
from avance.notify.channel import DeliveryError, Message
from avance.notify.policy import DIGEST, ESCALATION
from avance.notify.preferences import Preferences, load_preferences
from avance.notify.service import Inboxes
from avance.ports.records import Changes, Row

_log = logging.getLogger("avance.notify")
RECORD_AGAIN_S = (0.1, 0.5, 2.0, 5.0, 10.0)


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """
    One message that this node is to send, and the deliveries that it carries.
    """

    channel: str
    user: str
    notice_ids: tuple[int, ...]
    notices: tuple[Notice, ...]
    attempts: int
    preferences: Preferences


class Result(msgspec.Struct, frozen=True, kw_only=True):
    is_sent: bool
    error: str | None = None


class Deliverer:
    """
    An async context manager; it runs as long as it is open.
    """

    def __init__(self, inboxes: Inboxes, *, node: str, random: Random | None = None) -> None:
        self._inboxes = inboxes
        self._records = inboxes.records
        self._clock = inboxes.clock
        self._limits = inboxes.limits
        self._node = node
        self._random = random or Random()
        self._tasks = asyncio.TaskGroup()
        self._claiming = asyncio.Lock()
        self._under_way: dict[tuple[int, str], asyncio.Event] = {}
        """What this node is sending: set when it is known how it went."""
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        if self._inboxes.channels:
            self._loop = self._tasks.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None:
            self._loop.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def _run(self) -> None:
        while True:
            try:
                while await self.round():
                    pass
            except Unavailable as error:
                _log.warning("deliveries wait for the store: %s", error)
            await self._clock.sleep(self._limits.poll_s)

    async def round(self) -> int:
        """
        Send what is due now, and answer how many messages that were.
        """
        return len(await self._send_all(await self._claim(None)))

    async def send_now(self, notice_id: int) -> Mapping[str, Result]:
        """
        Send what is due of one notification without waiting for the loop, and answer how it went, by channel.
        """
        return await self._send_all(await self._claim(notice_id))

    def begin(self, notice_id: int) -> "asyncio.Task[None]":
        """
        As `send_now`, in the background; a sender may wait for it as long as it likes.
        """
        return self._tasks.create_task(self._send_quietly(notice_id))

    async def _send_quietly(self, notice_id: int) -> None:
        try:
            await self.send_now(notice_id)
        except Unavailable as error:
            _log.warning("deliveries of notification %d wait for the loop: %s", notice_id, error)
        # The loop may have been faster in taking some.
        for (number, _), done in tuple(self._under_way.items()):
            if number == notice_id:
                await done.wait()

    async def _send_all(self, claimed: Sequence[Claimed]) -> Mapping[str, Result]:
        async with asyncio.TaskGroup() as group:
            sending = [(one.channel, group.create_task(self._send(one))) for one in claimed]
        return {channel: task.result() for channel, task in sending}

    # Claiming

    async def _claim(self, notice_id: int | None) -> Sequence[Claimed]:
        async with self._claiming:
            now_ms = self._clock.now_ms()
            written = await self._records.write(
                lambda changes: self._lease(changes, notice_id, now_ms)
            )
            for one in written.value:
                for number in one.notice_ids:
                    self._under_way[number, one.channel] = asyncio.Event()
        return written.value

    def _lease(self, changes: Changes, notice_id: int | None, now_ms: int) -> Sequence[Claimed]:
        self._give_up_interrupted(changes, now_ms)
        due = self._due(changes, notice_id, now_ms)
        claimed: dict[tuple[object, ...], list[Row]] = {}
        for row in due:
            number, channel, user, reason, batch = row[:5]
            if _is_pointless(changes, number, reason):
                _close(changes, number, channel, "skipped", now_ms, reason="seen")
                continue
            key = (channel, user, batch) if batch else (channel, user, batch, number)
            claimed.setdefault(key, []).append(row)
        return [self._claimed(changes, found, now_ms) for found in claimed.values()]

    def _due(self, changes: Changes, notice_id: int | None, now_ms: int) -> Sequence[Row]:
        only = "" if notice_id is None else " AND notice_id = ?"
        skip = " FOR UPDATE SKIP LOCKED" if changes.engine.value == "postgres" else ""
        found = changes.all(
            "SELECT notice_id, channel, user_id, reason, batch, attempts FROM notice_deliveries"
            f" WHERE due_ms IS NOT NULL AND due_ms <= ? AND state = 'queued' AND lease_by IS NULL{only}"
            f" ORDER BY due_ms, notice_id LIMIT ?{skip}",
            now_ms,
            *(() if notice_id is None else (notice_id,)),
            self._limits.claim_max,
        )
        return [*found, *self._rest_of_batches(changes, found, now_ms)]

    def _rest_of_batches(
        self, changes: Changes, found: Sequence[Row], now_ms: int
    ) -> Sequence[Row]:
        # A digest goes out whole, however many there are.
        more: list[Row] = []
        for channel, user, batch in dict.fromkeys((row[1], row[2], row[4]) for row in found):
            if batch is None:
                continue
            known = {row[0] for row in found if (row[1], row[2], row[4]) == (channel, user, batch)}
            rest = changes.all(
                "SELECT notice_id, channel, user_id, reason, batch, attempts FROM notice_deliveries"
                " WHERE due_ms IS NOT NULL AND due_ms <= ? AND state = 'queued' AND lease_by IS NULL"
                " AND user_id = ? AND channel = ? AND batch = ? ORDER BY notice_id",
                now_ms,
                user,
                channel,
                batch,
            )
            more += [row for row in rest if row[0] not in known]
        return more

    def _claimed(self, changes: Changes, found: Sequence[Row], now_ms: int) -> Claimed:
        channel, user = found[0][1], found[0][2]
        numbers = sorted(row[0] for row in found)
        changes.run_many(
            "UPDATE notice_deliveries SET lease_by = ?, lease_ms = ?, attempts = attempts + 1, changed_ms = ?"
            " WHERE notice_id = ? AND channel = ?",
            [
                (self._node, now_ms + round(self._limits.lease_s * 1000), now_ms, number, channel)
                for number in numbers
            ],
        )
        named = numbers[: self._limits.digest_notices_max]
        notices = [rows.find(changes, user, number) for number in named]
        return Claimed(
            channel=channel,
            user=user,
            notice_ids=tuple(numbers),
            notices=tuple(notice for notice in notices if notice is not None),
            attempts=max(row[5] for row in found) + 1,
            preferences=load_preferences(changes, user),
        )

    def _give_up_interrupted(self, changes: Changes, now_ms: int) -> None:
        changes.run(
            "UPDATE notice_deliveries SET state = 'failed', due_ms = NULL, lease_by = NULL, lease_ms = NULL,"
            " last_error = 'the node that sent it went away; not repeated, because it may have arrived',"
            " changed_ms = ? WHERE due_ms IS NOT NULL AND lease_ms IS NOT NULL AND lease_ms < ?",
            now_ms,
            now_ms,
        )

    # Sending

    async def _send(self, claimed: Claimed) -> Result:
        try:
            return await self._attempt(claimed)
        finally:
            for number in claimed.notice_ids:
                self._under_way.pop((number, claimed.channel)).set()

    async def _attempt(self, claimed: Claimed) -> Result:
        channel = self._inboxes.channels.get(claimed.channel)
        try:
            if channel is None:
                raise DeliveryError(f"{claimed.channel} is not set up here", is_final=True)
            if not claimed.notices:
                raise DeliveryError("the notification was deleted", is_final=True)
            with fail_after(self._limits.send_timeout_s):
                await channel.send(_message(claimed))
        except DeliveryError as error:
            await self._failed(claimed, str(error), is_final=error.is_final)
            return Result(is_sent=False, error=str(error))
        except TimeoutError:
            why = f"no answer within {self._limits.send_timeout_s:g} s; not repeated, because it may have arrived"
            await self._failed(claimed, why, is_final=True)
            return Result(is_sent=False, error=why)
        except Exception as error:  # noqa: BLE001
            # A channel is other people's code; whatever it raises must not end the loop that serves all channels.
            _log.exception("the channel %s failed", claimed.channel)
            await self._failed(claimed, f"{type(error).__name__}", is_final=False)
            return Result(is_sent=False, error=type(error).__name__)
        await self._sent(claimed)
        return Result(is_sent=True)

    async def _sent(self, claimed: Claimed) -> None:
        now_ms = self._clock.now_ms()

        def work(changes: Changes) -> None:
            for number in claimed.notice_ids:
                _close(changes, number, claimed.channel, "sent", now_ms)

        await self._record(work)

    async def _failed(self, claimed: Claimed, why: str, *, is_final: bool) -> None:
        now_ms = self._clock.now_ms()
        is_over = is_final or claimed.attempts >= self._limits.attempts_max
        backoff = self._limits.backoff_s
        wait_s = backoff[min(claimed.attempts, len(backoff)) - 1] * self._random.uniform(0.9, 1.1)
        due_ms = now_ms + round(wait_s * 1000)

        def work(changes: Changes) -> None:
            for number in claimed.notice_ids:
                if is_over:
                    _close(changes, number, claimed.channel, "failed", now_ms, error=why)
                else:
                    changes.run(
                        "UPDATE notice_deliveries SET due_ms = ?, lease_by = NULL, lease_ms = NULL, last_error = ?,"
                        " changed_ms = ? WHERE notice_id = ? AND channel = ?",
                        due_ms,
                        why[:500],
                        now_ms,
                        number,
                        claimed.channel,
                    )

        await self._record(work)

    async def _record(self, work: Callable[[Changes], None]) -> None:
        """
        Write how it went, also where the store is away for a moment. After that the lease runs out, and it counts as interrupted.
        """
        for wait_s in (*RECORD_AGAIN_S, None):
            try:
                await self._records.write(work)
            except Unavailable as error:
                _log.warning("how a delivery went cannot be written: %s", error)
                if wait_s is not None:
                    await self._clock.sleep(wait_s)
            else:
                return


def _message(claimed: Claimed) -> Message:
    return Message(
        id=f"{claimed.notice_ids[0]}-{claimed.notice_ids[-1]}-{claimed.channel}",
        user=claimed.user,
        notices=claimed.notices,
        further=len(claimed.notice_ids) - len(claimed.notices),
        preferences=claimed.preferences,
    )


def _is_pointless(changes: Changes, notice_id: int, reason: str | None) -> bool:
    """
    An escalation of what was seen meanwhile, and in a digest what was read.
    """
    if reason not in (ESCALATION, DIGEST):
        return False
    row = changes.one("SELECT seen_ms, read_ms FROM notices WHERE id = ?", notice_id)
    if row is None:
        return True
    return row[1] is not None or (reason == ESCALATION and row[0] is not None)


def _close(
    changes: Changes,
    notice_id: int,
    channel: str,
    state: str,
    now_ms: int,
    *,
    error: str | None = None,
    reason: str | None = None,
) -> None:
    changes.run(
        "UPDATE notice_deliveries SET state = ?, due_ms = NULL, lease_by = NULL, lease_ms = NULL,"
        " last_error = coalesce(?, last_error), reason = coalesce(?, reason), changed_ms = ?"
        " WHERE notice_id = ? AND channel = ?",
        state,
        None if error is None else error[:500],
        reason,
        now_ms,
        notice_id,
        channel,
    )
