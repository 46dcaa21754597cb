"""
What goes out, when, and how often: docs/contract/notices.md 002-T8, 002-T10, decisions 8 and 10.
"""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from avance.model.inbox import Priority
from avance.notify.deliverer import _Due
from avance.notify.kinds import Kind, SendLimit
from avance.notify.operations import Op, Selection

from .world import World


@pytest.mark.parametrize(
    ("preferences", "fields", "state", "reason"),
    [
        ({}, {}, "sent", None),
        ({"channels": {"email": False}}, {}, "skipped", "channel_off"),
        ({"kinds": {"info": {"email": False}}}, {}, "skipped", "channel_off"),
        ({"kinds": {"info": {"*": False, "websocket": True}}}, {}, "skipped", "channel_off"),
        ({"channels": {"email": False}, "kinds": {"info": {"email": True}}}, {}, "sent", None),
        ({"min_priority": "high"}, {}, "skipped", "priority_filter"),
        ({"min_priority": "high"}, {"priority": "high"}, "sent", None),
        ({"min_priority": "critical"}, {"priority": "critical"}, "sent", None),
        ({"frequency": "daily"}, {}, "queued", "digest"),
        ({"frequency": "weekly"}, {}, "queued", "digest"),
        ({"frequency": "weekly"}, {"priority": "critical"}, "sent", None),
        ({"quiet_hours": {"is_on": True}}, {}, "queued", "quiet_hours"),
        ({"quiet_hours": {"is_on": True}}, {"priority": "critical"}, "sent", None),
    ],
)
async def test_preferences_steer_mail_and_never_the_inbox(
    world: World,
    preferences: dict[str, object],
    fields: dict[str, object],
    state: str,
    reason: str | None,
) -> None:
    """
    002-T8: the clock of the test starts at midnight, inside the quiet hours.
    """
    await world.prefer(**preferences)
    sent = await world.send(**fields)
    await world.deliverer.round()
    delivery = await world.delivery(sent)
    assert (delivery.state, delivery.reason) == (state, reason)
    assert len(world.email.messages) == (state == "sent")
    assert (await world.inboxes.counts("ana")).unread == 1
    assert (await world.delivery(sent, "in_app")).state == "queued"


async def test_a_muted_kind_leaves_nothing_at_all(world: World) -> None:
    """002-T8, settled: type off: no row, no push."""
    world.inboxes.kinds.declare(Kind(name="price_change", category="alerts"))
    await world.prefer(muted=["alerts"])
    sent = await world.send(kind="price_change")
    assert sent.notice is None
    assert (await world.inboxes.counts("ana")).unread == 0
    assert (await world.store.stream("inbox:#ana", limit=10)).publications == ()


async def test_with_the_socket_off_the_counter_still_moves(world: World) -> None:
    """002-T8, settled: channel off: the row, the counter and unread_count stay."""
    await world.prefer(channels={"websocket": False})
    sent = await world.send()
    assert (await world.delivery(sent, "in_app")).reason == "channel_off"
    (told,) = (await world.store.stream("inbox:#ana", limit=10)).publications
    event = msgspec.json.decode(told.data)
    assert (event["type"], event["op"], event["counts"]["unread"]) == ("changed", "added", 1)
    assert await world.inboxes.missed("ana") == []


async def test_quiet_hours_end_in_the_time_zone_of_the_user(world: World) -> None:
    """002-T8: 00:00 in UTC is 01:00 in Madrid; there the night ends at 07:00, six hours later."""
    await world.prefer(quiet_hours={"is_on": True}, time_zone="Europe/Madrid")
    sent = await world.send()
    await world.pass_time(6 * 3600 - 1)
    assert world.email.messages == []
    await world.pass_time(1)
    assert len(world.email.messages) == 1
    assert (await world.delivery(sent)).state == "sent"


async def test_a_daily_digest_gathers_the_day_into_one_message(world: World) -> None:
    """002-T8: what was read meanwhile is left out."""
    await world.prefer(frequency="daily", digest_at="08:00")
    sent = [await world.send(title=f"number {number}") for number in range(4)]
    assert sent[1].notice is not None
    await world.inboxes.operate("ana", Op.READ, Selection(ids=(sent[1].notice.id,)))
    await world.pass_time(8 * 3600)
    (message,) = world.email.messages
    assert [notice.title for notice in message.notices] == ["number 0", "number 2", "number 3"]
    assert [(await world.delivery(one)).state for one in sent] == [
        "sent",
        "skipped",
        "sent",
        "sent",
    ]


async def test_a_weekly_digest_waits_for_its_day(world: World) -> None:
    await world.prefer(frequency="weekly", digest_weekday=0, digest_at="08:00")
    await world.send()
    # 2026-01-01 is a Thursday.
    await world.pass_time(3 * 86_400)
    assert world.email.messages == []
    await world.pass_time(86_400 + 8 * 3600)
    assert len(world.email.messages) == 1


async def test_a_window_gathers_from_the_first(world: World) -> None:
    first = await world.send(digest={"window_s": 300})
    world.clock.advance(200)
    await world.send(digest={"window_s": 300})
    await world.pass_time(99)
    assert world.email.messages == []
    await world.pass_time(1)
    (message,) = world.email.messages
    assert len(message.notices) == 2
    await world.send(digest={"window_s": 300})
    await world.pass_time(300)
    assert len(world.email.messages) == 2
    assert (await world.delivery(first)).state == "sent"


async def test_a_large_digest_names_some_and_counts_the_rest(world: World) -> None:
    many = world.inboxes.limits.digest_notices_max + 7
    for number in range(many):
        await world.send(title=str(number), digest={"window_s": 60})
    await world.pass_time(60)
    (message,) = world.email.messages
    assert (len(message.notices), message.further) == (many - 7, 7)


async def test_a_kind_with_a_limit_is_throttled_for_one_user_and_channel(world: World) -> None:
    limit = SendLimit(max=2, window_s=3600)
    world.inboxes.kinds.declare(Kind(name="chatter", limit=limit))
    states = []
    for _ in range(3):
        sent = await world.send(kind="chatter", channels=("in_app", "email", "sms"))
        states.append((await world.delivery(sent)).reason)
    assert states == [None, None, "throttled"]
    assert (await world.inboxes.counts("ana")).unread == 3
    other = await world.send(user="bob", kind="chatter")
    assert (await world.delivery(other)).reason is None
    world.clock.advance(3601)
    assert (await world.delivery(await world.send(kind="chatter"))).reason is None


@pytest.mark.parametrize(("op", "mails"), [(None, 1), (Op.SEEN, 0), (Op.READ, 0)])
async def test_what_was_not_seen_in_time_is_escalated(
    world: World, op: Op | None, mails: int
) -> None:
    sent = await world.send(channels=("in_app",), escalate={"after_s": 900, "channel": "email"})
    assert sent.notice is not None
    await world.pass_time(899)
    assert world.email.messages == []
    if op is not None:
        await world.inboxes.operate("ana", op, Selection(ids=(sent.notice.id,)))
    await world.pass_time(1)
    assert len(world.email.messages) == mails
    assert (await world.delivery(sent)).state == ("skipped" if op else "sent")


async def test_a_failed_attempt_is_repeated_with_growing_pauses_five_times_at_most(
    world: World,
) -> None:
    """002-17, 002-T10, decision 8."""
    world.email.fail(9)
    sent = await world.send()
    await world.deliverer.round()
    seen = [(await world.delivery(sent)).attempts]
    for pause_s in world.inboxes.limits.backoff_s:
        await world.pass_time(pause_s * 1.1)
        seen.append((await world.delivery(sent)).attempts)
    await world.pass_time(86_400)
    delivery = await world.delivery(sent)
    assert seen == [1, 2, 3, 4, 5]
    assert (delivery.state, delivery.last_error) == ("failed", "the line is dead")
    assert world.email.attempts == 5


async def test_a_later_success_changes_the_delivery(world: World) -> None:
    """002-T10: and a channel that fails does not hold up the other."""
    world.email.fail(1)
    sent = await world.send(channels=("in_app", "email", "sms"))
    await world.deliverer.round()
    assert (await world.delivery(sent)).state == "queued"
    assert (await world.delivery(sent, "sms")).state == "sent"
    await world.pass_time(60)
    assert (await world.delivery(sent)).state == "sent"
    assert (len(world.email.messages), len(world.sms.messages)) == (1, 1)


async def test_what_may_have_arrived_is_not_repeated(world: World) -> None:
    world.email.fail(1, is_final=True)
    sent = await world.send()
    await world.pass_time(86_400)
    assert (await world.delivery(sent)).state == "failed"
    assert world.email.attempts == 1


async def test_a_channel_that_breaks_does_not_end_the_loop(world: World) -> None:
    world.email.failures = [RuntimeError("a mistake in the channel")]
    await world.send()
    await world.deliverer.round()
    await world.pass_time(60)
    assert len(world.email.messages) == 1


async def test_a_channel_that_is_not_set_up_says_so(world: World) -> None:
    sent = await world.send(channels=("in_app", "push"))
    delivery = await world.delivery(sent, "push")
    assert (delivery.state, delivery.reason) == ("failed", "not_configured")


async def test_two_nodes_send_each_message_once(world: World) -> None:
    """Never sent twice for one notification and channel."""
    nodes = [world.deliverer, world.a_deliverer("two"), world.a_deliverer("three")]
    for number in range(50):
        await world.send(title=str(number))
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            for node in nodes:
                group.create_task(node.round())
    titles = [message.notices[0].title for message in world.email.messages]
    assert sorted(titles, key=int) == [str(number) for number in range(50)]


async def test_what_a_dead_node_was_sending_is_not_repeated_and_ends_as_failed(
    world: World,
) -> None:
    sent = await world.send()
    other = world.a_deliverer("dead")
    # It took the delivery and was killed before it could tell how it went.
    assert (await other._claim(_Due())).rows == 1
    await world.deliverer.round()
    assert world.email.messages == []
    await world.pass_time(world.inboxes.limits.lease_s + 1)
    delivery = await world.delivery(sent)
    assert delivery.state == "failed"
    assert "may have arrived" in (delivery.last_error or "")
    assert world.email.messages == []


async def test_the_kind_gives_channels_and_priority_that_a_sender_leaves_out(world: World) -> None:
    kind = Kind(name="alarm", priority=Priority.HIGH, channels=("in_app", "sms"))
    world.inboxes.kinds.declare(kind)
    sent = await world.send(kind="alarm", channels=None)
    await world.deliverer.round()
    assert sent.notice is not None
    assert sent.notice.priority is Priority.HIGH
    assert len(world.sms.messages) == 1


def at(text: str, zone: str = "Europe/Madrid") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("evening", "morning", "hours"),
    [
        ("2026-01-10T23:30", "2026-01-11T07:00", 7.5),
        ("2026-03-28T23:30", "2026-03-29T07:00", 6.5),
        ("2026-10-24T23:30", "2026-10-25T07:00", 8.5),
    ],
)
async def test_a_night_in_which_the_clocks_change_is_quiet_until_seven(
    world: World, evening: str, morning: str, hours: float
) -> None:
    """
    002-T8: by the clock on the wall of the user, an hour more or less.
    """
    assert at(morning) - at(evening) == hours * 3_600_000
    world.clock.set(at(evening))
    await world.prefer(quiet_hours={"is_on": True}, time_zone="Europe/Madrid")
    await world.send()
    await world.send(priority="critical")
    assert len(world.email.messages) == 0
    await world.pass_time(hours * 3600 - 1)
    assert len(world.email.messages) == 1, "what is critical does not wait"
    await world.pass_time(1)
    assert len(world.email.messages) == 2


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
async def test_a_digest_in_the_hour_that_is_left_out_or_repeated_comes_once_a_day(
    world: World, day: str
) -> None:
    world.clock.set(at(f"{day}T12:00"))
    await world.prefer(frequency="daily", digest_at="02:30", time_zone="Europe/Madrid")
    for number in range(2 * 24):
        await world.send(title=str(number))
        await world.pass_time(1800)
        await world.pass_time(1800)
    told = [[notice.title for notice in message.notices] for message in world.email.messages]
    assert len(told) == 2
    assert [*told[0], *told[1]] == [str(number) for number in range(len(told[0]) + len(told[1]))]


async def test_another_attempt_does_not_wake_anybody(world: World) -> None:
    """
    002-T8: planned in the evening, failed, and due again in the night.
    """
    world.clock.set(at("2026-03-10T21:59"))
    await world.prefer(quiet_hours={"is_on": True}, time_zone="Europe/Madrid")
    world.email.fail(1)
    sent = await world.send()
    await world.deliverer.round()
    await world.pass_time(3600)
    delivery = await world.delivery(sent)
    assert (delivery.state, delivery.reason, delivery.attempts) == ("queued", "quiet_hours", 1)
    await world.pass_time(8 * 3600 + 60)
    assert len(world.email.messages) == 1


@pytest.mark.parametrize(
    ("preferences", "reason"),
    [
        ({"channels": {"email": False}}, "channel_off"),
        ({"muted": ["info"]}, "muted"),
        ({"min_priority": "high"}, "priority_filter"),
    ],
)
async def test_what_is_switched_off_while_it_waits_does_not_go_out(
    world: World, preferences: dict[str, object], reason: str
) -> None:
    """
    002-T8: the wishes of today decide, not those of the day on which it was sent.
    """
    waiting = [
        await world.send(digest={"window_s": 600}),
        await world.send(channels=("in_app",), escalate={"after_s": 900, "channel": "email"}),
    ]
    await world.prefer(**preferences)
    await world.pass_time(3600)
    assert world.email.messages == []
    for sent in waiting:
        delivery = await world.delivery(sent)
        assert delivery.state == "skipped"
    assert (await world.delivery(waiting[0])).reason in (reason, "digest")


async def test_an_escalation_in_the_night_waits_for_the_morning(world: World) -> None:
    world.clock.set(at("2026-03-10T21:50"))
    await world.prefer(quiet_hours={"is_on": True}, time_zone="Europe/Madrid")
    await world.send(channels=("in_app",), escalate={"after_s": 900, "channel": "email"})
    await world.pass_time(9 * 3600)
    assert world.email.messages == []
    await world.pass_time(600)
    assert len(world.email.messages) == 1


async def test_a_backlog_that_is_held_back_does_not_stand_in_the_way(world: World) -> None:
    for number in range(world.inboxes.limits.claim_max * 3):
        await world.send(title=str(number), digest={"window_s": 60, "key": str(number)})
    await world.send(user="bob", title="now", digest={"window_s": 61})
    await world.prefer(channels={"email": False})
    await world.pass_time(62)
    assert [message.notices[0].title for message in world.email.messages] == ["now"]


async def test_a_channel_that_hangs_holds_up_no_other(world: World) -> None:
    world.email.gate = asyncio.Event()
    async with world.deliverer:
        await world.send(channels=("in_app", "email", "sms"))
        await world.clock.until_sleeping()
        world.clock.advance(2)
        await world.email.until_attempts(1)
        await world.send(channels=("in_app", "sms"))
        while len(world.sms.messages) < 2:
            await world.clock.until_sleeping()
            world.clock.advance(2)
            await asyncio.sleep(0)
        assert world.email.messages == []
        world.email.gate.set()


async def test_a_node_that_stops_lets_what_it_sends_arrive(world: World) -> None:
    """
    002-17: a deployment in the middle of a mail neither loses nor repeats it.
    """
    world.email.gate = asyncio.Event()
    stopped = asyncio.Event()
    sent = await world.send()
    untouched = await world.send(digest={"window_s": 600})

    async def run() -> None:
        async with world.deliverer:
            await world.email.until_attempts(1)
        stopped.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(run())
        await world.email.until_attempts(1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not stopped.is_set()
        world.email.gate.set()
    assert stopped.is_set()
    assert (await world.delivery(sent)).state == "sent"
    assert (await world.delivery(untouched)).state == "queued"
    assert len(world.email.messages) == 1
    assert await world.deliverer.round() == 0, "it takes nothing more"
