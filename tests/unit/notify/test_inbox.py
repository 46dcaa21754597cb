"""
What can be done in an inbox, and what cannot.
"""

import msgspec
import pytest

from avance.errors import InvalidRequest, NotFound, TooLarge
from avance.model.inbox import Notice
from avance.notify.operations import Op, Selection
from avance.notify.service import Status, Wanted

from .world import World


async def ids(world: World, status: Status) -> list[int]:
    page = await world.inboxes.page("ana", Wanted(status=status))
    assert page.total == len(page.notices)
    return [notice.id for notice in page.notices]


async def do(world: World, op: Op, *chosen: int, user: str = "ana") -> int:
    outcome = await world.inboxes.operate(user, op, Selection(ids=chosen))
    return outcome.changed


async def three(world: World) -> list[int]:
    sent = [await world.send(title=title) for title in ("one", "two", "three")]
    return [one.notice.id for one in sent if one.notice]


async def test_each_state_has_its_list(world: World) -> None:
    first, second, third = await three(world)
    await do(world, Op.READ, first)
    await do(world, Op.ARCHIVE, second)
    assert await ids(world, Status.ALL) == [third, first]
    assert await ids(world, Status.UNREAD) == [third]
    assert await ids(world, Status.READ) == [first]
    assert await ids(world, Status.ARCHIVED) == [second]
    await do(world, Op.UNARCHIVE, second)
    await do(world, Op.UNREAD, first)
    assert await ids(world, Status.UNREAD) == [third, second, first]


async def test_nobody_touches_what_is_another_users(world: World) -> None:
    """002-37, 002-T5"""
    numbers = await three(world)
    for op in Op:
        if op is not Op.SNOOZE:
            assert await do(world, op, *numbers, user="bob") == 0
    assert await ids(world, Status.UNREAD) == numbers[::-1]
    with pytest.raises(NotFound):
        await world.inboxes.get("bob", numbers[0])


async def test_what_arrives_meanwhile_stays_unread(world: World) -> None:
    """settled: read-all goes up to the newest id that the client has seen."""
    _, second, third = await three(world)
    outcome = await world.inboxes.operate("ana", Op.READ, Selection(up_to=second))
    assert (outcome.changed, outcome.counts.unread) == (2, 1)
    assert await ids(world, Status.UNREAD) == [third]


async def test_what_was_put_off_comes_back_as_new(world: World) -> None:
    first, *_ = await three(world)
    await do(world, Op.READ, first)
    until_ms = world.clock.now_ms() + 60_000
    chosen = Selection(ids=(first,))
    await world.inboxes.operate("ana", Op.SNOOZE, chosen, until_ms=until_ms)
    assert first not in await ids(world, Status.ALL)
    await world.pass_time(59)
    assert await ids(world, Status.SNOOZED) == [first]
    await world.pass_time(1)
    assert first in await ids(world, Status.UNREAD)
    with pytest.raises(InvalidRequest, match="yet to come"):
        await world.inboxes.operate("ana", Op.SNOOZE, chosen, until_ms=world.clock.now_ms())


async def test_what_is_put_off_again_in_the_last_moment_stays_away(world: World) -> None:
    first, *_ = await three(world)
    chosen = Selection(ids=(first,))
    now_ms = world.clock.now_ms()
    await world.inboxes.operate("ana", Op.SNOOZE, chosen, until_ms=now_ms + 60_000)
    await world.inboxes.operate("ana", Op.SNOOZE, chosen, until_ms=now_ms + 600_000)
    late = Selection(ids=(first,), put_off_until=now_ms + 60_000)
    assert (await world.inboxes.operate("ana", Op.WAKE, late)).changed == 0
    assert await ids(world, Status.SNOOZED) == [first]


async def test_what_expired_or_is_old_goes(world: World) -> None:
    await world.send(expires_s=10)
    await world.send()
    await world.pass_time(11)
    assert (await world.inboxes.counts("ana")).unread == 1
    await world.pass_time(world.inboxes.limits.retention_s)
    assert (await world.inboxes.counts("ana")).unread == 0


async def test_the_same_call_within_a_day_answers_the_same_notification(world: World) -> None:
    """settled: Idempotency-Key, kept 24 h; another sender's key is another."""
    first = await world.send(idempotency=("mail", "k1"))
    again = await world.send(idempotency=("mail", "k1"), title="other words")
    other = await world.send(idempotency=("root", "k1"))
    assert first.notice is not None
    assert again.notice is not None
    assert other.notice is not None
    assert (again.notice.id, again.is_new) == (first.notice.id, False)
    assert other.notice.id != first.notice.id
    await world.deliverer.round()
    assert len(world.email.messages) == 2
    await world.pass_time(86_401)
    later = await world.send(idempotency=("mail", "k1"))
    assert later.is_new


async def test_while_one_waits_unread_its_like_is_not_added(world: World) -> None:
    first = await world.send(dedupe="stock:A")
    again = await world.send(dedupe="stock:A")
    assert first.notice is not None
    assert again.notice is not None
    assert (again.notice.id, again.is_new) == (first.notice.id, False)
    await do(world, Op.READ, first.notice.id)
    assert (await world.send(dedupe="stock:A")).is_new
    assert (await world.send(dedupe="stock:A", user="bob")).is_new


async def test_ids_grow(world: World) -> None:
    """3.4: and are not given again after a deletion."""
    numbers = await three(world)
    await do(world, Op.DELETE, *numbers)
    assert (await three(world))[0] > numbers[-1]


async def test_a_notification_links_to_its_job_and_group(world: World) -> None:
    sent = await world.send(job_id="j1", group="g1", url="/jobs/j1")
    await world.send()
    page = await world.inboxes.page("ana", Wanted(group="g1"))
    assert page.notices == (sent.notice,)
    assert isinstance(sent.notice, Notice)
    assert (sent.notice.job_id, sent.notice.url) == ("j1", "/jobs/j1")


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "a,b"},
        {"user": "#a"},
        {"user": ""},
        {"user": "a" * 129},
        {"title": ""},
        {"title": "a" * 201},
        {"body": "a" * 4001},
        {"kind": "a b"},
        {"channels": ("e mail",)},
        {"url": "javascript:alert(1)"},
        {"url": "//evil.example"},
        {"actions": [{"label": "a", "url": "data:text/html,x"}]},
        {"actions": [{"label": "a", "url": "/a"}] * 3},
        {"dedupe": ""},
        {"expires_s": 0},
        {"escalate": {"after_s": -1}},
        {"digest": {"window_s": 1e12}},
    ],
)
async def test_a_malformed_draft_is_refused_and_nothing_is_kept(
    world: World, fields: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest):
        await world.send(**fields)
    assert (await world.store.stream("inbox:#ana", limit=1)).publications == ()


async def test_data_have_a_limit(world: World) -> None:
    with pytest.raises(TooLarge):
        await world.send(data={"a": "x" * world.inboxes.limits.data_bytes_max})


async def test_an_operation_names_something_and_not_too_much(world: World) -> None:
    with pytest.raises(InvalidRequest, match="nothing is chosen"):
        await do(world, Op.READ)
    with pytest.raises(InvalidRequest, match="at most"):
        await do(world, Op.READ, *range(world.inboxes.limits.ids_max + 1))


async def test_ten_thousand_unread_are_read_in_one_step_and_told_in_one_event(world: World) -> None:
    def fill(changes: object) -> None:
        changes.run_many(  # type: ignore[attr-defined]
            "INSERT INTO notices (user_id, kind, priority, title, body, data, actions, channels, created_ms)"
            " VALUES ('ana', 'info', 1, ?, '', '{}', '[]', '[]', 0)",
            [(str(number),) for number in range(9_999)],
        )
        changes.run(  # type: ignore[attr-defined]
            "INSERT INTO notice_counts VALUES ('ana', 9999, 9999, 0, 9999, 0, 0, 1)"
        )

    await world.records.write(fill)
    await world.send()
    assert (await world.inboxes.counts("ana")).unread == 10_000
    outcome = await world.inboxes.operate("ana", Op.READ, Selection(up_to=2**53))
    assert (outcome.changed, outcome.counts.unread) == (10_000, 0)
    page = await world.store.stream("inbox:#ana", since=1, limit=10)
    (event,) = [msgspec.json.decode(one.data) for one in page.publications]
    assert (event["op"], event["up_to"], "ids" in event) == ("read", 10_000, False)
    snapshot = await world.inboxes.snapshot("ana")
    assert len(snapshot.notifications) == world.inboxes.limits.snapshot_notices
