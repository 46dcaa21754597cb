"""
The loop that sends what is due. Safe with several nodes: a delivery belongs to whoever leased it, and one whose sending was interrupted is
not repeated, because nobody knows whether it arrived.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import Random
from types import TracebackType
from typing import Any, Self

import msgspec
from anyio import fail_after, move_on_after

from avance.errors import Unavailable
from avance.model.inbox import RANKED, Notice
from avance.notify import rows
from avance.notify.channel import DeliveryError, Message
from avance.notify.policy import DIGEST, ESCALATION, Planned, reconsidered
from avance.notify.preferences import Preferences, load_preferences
from avance.notify.service import Inboxes
from avance.ports.outage import Outage
from avance.ports.records import Changes, Engine, Row

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


class _Due(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which deliveries are asked for.
    """

    notice_id: int | None = None
    channel: str | None = None

    def sql(self) -> tuple[str, list[Any]]:
        given = (("notice_id", self.notice_id), ("channel", self.channel))
        wanted = [(column, value) for column, value in given if value is not None]
        text = "".join(f" AND {column} = ?" for column, _ in wanted)
        return text, [value for _, value in wanted]


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    rows: int
    """What was dealt with, also what does not go out."""
    messages: tuple[Claimed, ...]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    is_sent: bool
    error: str | None = None


class Deliverer:
    """
    An async context manager; it runs as long as it is open. Leaving it lets what is on its way arrive.
    """

    def __init__(self, inboxes: Inboxes, *, node: str, random: Random | None = None) -> None:
        self._inboxes = inboxes
        self._records = inboxes.records
        self._clock = inboxes.clock
        self._limits = inboxes.limits
        self._node = node
        self._random = random or Random()
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._outage = Outage(_log, "deliveries wait for the store")
        self._busy: set[str] = set()
        """Channels that are worked off now."""
        self._claiming = asyncio.Lock()
        self._is_stopping = False
        self._under_way: dict[tuple[int, str], asyncio.Event] = {}
        """What this node is sending: set when it is known how it went."""

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        if self._inboxes.channels:
            self._start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._drain()
        finally:
            for task in tuple(self._running):
                task.cancel()
            await self._tasks.__aexit__(None, None, None)

    async def _drain(self) -> None:
        # What is broken off now could not be told from what arrived, and would count as failed.
        with move_on_after(self._limits.drain_s):
            async with self._claiming:
                self._is_stopping = True
            while self._under_way:
                await next(iter(self._under_way.values())).wait()

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _run(self) -> None:
        while True:
            with self._outage:
                for channel in await self._waiting():
                    # Each by itself: a mail server that hangs holds up no webhook.
                    if channel not in self._busy:
                        self._busy.add(channel)
                        self._start(self._work_off(channel))
            await self._clock.sleep(self._limits.poll_s)

    async def _waiting(self) -> Sequence[str]:
        now_ms = self._clock.now_ms()
        found = await self._records.read(
            lambda rows: rows.all(
                "SELECT DISTINCT channel FROM notice_deliveries WHERE due_ms IS NOT NULL AND due_ms <= ?"
                " AND state = 'queued' AND (lease_ms IS NULL OR lease_ms < ?)",
                now_ms,
                now_ms,
            )
        )
        return [row[0] for row in found]

    async def _work_off(self, channel: str) -> None:
        try:
            with self._outage:
                while await self.round(channel):
                    pass
        finally:
            self._busy.discard(channel)

    async def round(self, channel: str | None = None) -> int:
        """
        Deal with some of what is due now, through one channel or all, and answer how many deliveries that were.
        """
        claim = await self._claim(_Due(channel=channel))
        await self._send_all(claim.messages)
        return claim.rows

    async def send_now(self, notice_id: int) -> Mapping[str, Result]:
        """
        Send what is due of one notification without waiting for the loop, and answer how it went, by channel.
        """
        claim = await self._claim(_Due(notice_id=notice_id))
        return await self._send_all(claim.messages)

    def begin(self, notice_id: int) -> "asyncio.Task[None]":
        """
        As `send_now`, in the background; a sender may wait for it as long as it likes.
        """
        return self._start(self._send_quietly(notice_id))

    async def _send_quietly(self, notice_id: int) -> None:
        # What it cannot do now is left to the loop.
        with self._outage:
            await self.send_now(notice_id)
        # The loop may have been faster in taking some.
        for (number, _), done in tuple(self._under_way.items()):
            if number == notice_id:
                await done.wait()

    async def _send_all(self, claimed: Sequence[Claimed]) -> Mapping[str, Result]:
        async with asyncio.TaskGroup() as group:
            sending = [(one.channel, group.create_task(self._send(one))) for one in claimed]
        return {channel: task.result() for channel, task in sending}

    # Claiming

    async def _claim(self, wanted: "_Due") -> "_Claim":
        async with self._claiming:
            if self._is_stopping:
                return _Claim(rows=0, messages=())
            now_ms = self._clock.now_ms()
            written = await self._records.write(
                lambda changes: self._lease(changes, wanted, now_ms)
            )
            for one in written.value.messages:
                for number in one.notice_ids:
                    self._under_way[number, one.channel] = asyncio.Event()
        return written.value

    def _lease(self, changes: Changes, wanted: "_Due", now_ms: int) -> "_Claim":
        self._give_up_interrupted(changes, now_ms)
        due = self._due(changes, wanted, now_ms)
        preferences: dict[str, Preferences] = {}
        claimed: dict[tuple[object, ...], list[Row]] = {}
        for row in due:
            number, channel, user, _, batch = row[:5]
            if user not in preferences:
                preferences[user] = load_preferences(changes, user)
            if self._is_held_back(changes, row, preferences[user], now_ms):
                continue
            key = (channel, user, batch) if batch else (channel, user, batch, number)
            claimed.setdefault(key, []).append(row)
        messages = tuple(
            self._claimed(changes, found, preferences[found[0][2]], now_ms)
            for found in claimed.values()
        )
        return _Claim(rows=len(due), messages=messages)

    def _is_held_back(
        self, changes: Changes, row: Row, preferences: Preferences, now_ms: int
    ) -> bool:
        """
        Much may have changed since it was planned: it was seen, or the user wants it no longer, or it is night there by now.
        """
        number, channel, _, reason = row[:4]
        notice = changes.one(
            "SELECT kind, priority, seen_ms, read_ms FROM notices WHERE id = ?", number
        )
        if notice is None:
            return False
        kind, priority, seen_ms, read_ms = notice
        is_pointless = (reason == ESCALATION and seen_ms is not None) or (
            reason in (ESCALATION, DIGEST) and read_ms is not None
        )
        if is_pointless:
            _close(changes, number, channel, "skipped", now_ms, reason="seen")
            return True
        change = reconsidered(
            channel, preferences, self._inboxes.kinds.of(kind), RANKED[priority], now_ms
        )
        if change is None:
            return False
        if change.due_ms is None:
            _close(changes, number, channel, change.state.value, now_ms, reason=change.reason)
        else:
            _put_off(changes, number, channel, change, now_ms)
        return True

    def _due(self, changes: Changes, wanted: "_Due", now_ms: int) -> Sequence[Row]:
        only, values = wanted.sql()
        skip = " FOR UPDATE SKIP LOCKED" if changes.engine is Engine.POSTGRES else ""
        found = changes.all(
            "SELECT notice_id, channel, user_id, reason, batch, attempts FROM notice_deliveries"
            f" WHERE due_ms IS NOT NULL AND due_ms <= ? AND state = 'queued' AND lease_by IS NULL{only}"
            f" ORDER BY due_ms, notice_id LIMIT ?{skip}",
            now_ms,
            *values,
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

    def _claimed(
        self, changes: Changes, found: Sequence[Row], preferences: Preferences, now_ms: int
    ) -> Claimed:
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
            preferences=preferences,
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
        began_s = self._clock.monotonic_s()
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
        finally:
            self._inboxes.tally.attempt_s[claimed.channel] += self._clock.monotonic_s() - began_s
        await self._sent(claimed)
        return Result(is_sent=True)

    async def _sent(self, claimed: Claimed) -> None:
        now_ms = self._clock.now_ms()
        self._inboxes.tally.attempts[claimed.channel, "sent"] += 1

        def work(changes: Changes) -> None:
            for number in claimed.notice_ids:
                _close(changes, number, claimed.channel, "sent", now_ms)

        await self._record(work)

    async def _failed(self, claimed: Claimed, why: str, *, is_final: bool) -> None:
        now_ms = self._clock.now_ms()
        is_over = is_final or claimed.attempts >= self._limits.attempts_max
        self._inboxes.tally.attempts[claimed.channel, "failed" if is_over else "again"] += 1
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


def _put_off(changes: Changes, notice_id: int, channel: str, change: Planned, now_ms: int) -> None:
    changes.run(
        "UPDATE notice_deliveries SET due_ms = ?, reason = coalesce(reason, ?), changed_ms = ?"
        " WHERE notice_id = ? AND channel = ?",
        change.due_ms,
        change.reason,
        now_ms,
        notice_id,
        channel,
    )


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
