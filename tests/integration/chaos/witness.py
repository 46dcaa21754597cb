"""
A stock client that follows jobs through everything, and remembers what it was shown.
"""

from typing import Any

import anyio
import httpx2 as httpx
import pytest
from centrifuge import (
    Client,
    PublicationContext,
    SubscribedContext,
    SubscribingContext,
    SubscriptionErrorContext,
    SubscriptionEventHandler,
    UnsubscribedContext,
)

TERMINAL = {"completed", "failed", "cancelled", "expired"}
RANK = {"scheduled": 0, "queued": 1, "running": 2, "retrying": 2, **dict.fromkeys(TERMINAL, 3)}


class Screen(SubscriptionEventHandler):
    """
    What a page would show of one job. Whatever must never happen on a page is written down as a fault.
    """

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.state = ""
        self.percent = 0.0
        self.seq = 0
        self.ends = 0
        self.faults: list[str] = []
        self.ended = anyio.Event()
        self.course: list[str] = []

    def standing(self) -> str:
        """
        How its subscription fared lately.
        """
        return f"its subscription was {', '.join(self.course[-10:]) or 'never answered'}"

    async def on_subscribing(self, ctx: SubscribingContext) -> None:
        self.course.append(f"subscribing ({ctx.code} {ctx.reason})")

    async def on_subscribed(self, ctx: SubscribedContext) -> None:
        self.course.append(f"subscribed (recovered: {ctx.recovered})")

    async def on_unsubscribed(self, ctx: UnsubscribedContext) -> None:
        self.course.append(f"unsubscribed ({ctx.code} {ctx.reason})")

    async def on_error(self, ctx: SubscriptionErrorContext) -> None:
        self.course.append(f"refused ({ctx.code} {ctx.error})")

    async def on_publication(self, ctx: PublicationContext) -> None:
        event = ctx.pub.data
        if event["type"] == "snapshot":
            self._snapshot(event["job"])
            return
        if event["seq"] != self.seq + 1 and not _may_skip(event):
            self.faults.append(f"{event['type']} {event['seq']} came after {self.seq}")
        if event["seq"] <= self.seq:
            self.faults.append(f"{event['seq']} came again after {self.seq}")
        self.seq = event["seq"]
        if event["type"] == "progress":
            self._percent(event["progress"]["percent"])
        elif event["type"] == "state":
            self._state(event["from"], event["to"])

    def _snapshot(self, job: dict[str, Any]) -> None:
        if job["seq"] < self.seq:
            self.faults.append(f"snapshot {job['seq']} is older than {self.seq}")
        self.seq = job["seq"]
        self._percent(job["progress"]["percent"])
        self._show(job["state"])

    def _state(self, from_state: str | None, to_state: str) -> None:
        if self.state and from_state != self.state:
            self.faults.append(f"a step from {from_state} came while {self.state} was shown")
        self._show(to_state)

    def _show(self, state: str) -> None:
        if self.state in TERMINAL and state != self.state:
            self.faults.append(f"{state} came after the end {self.state}")
        if state in TERMINAL and self.state not in TERMINAL:
            self.ends += 1
            self.ended.set()
        self.state = state

    def _percent(self, percent: float | None) -> None:
        if percent is None:
            return
        if percent < self.percent:
            self.faults.append(f"{percent} % came after {self.percent} %")
        self.percent = percent


def _may_skip(event: dict[str, Any]) -> bool:
    # Ordinary progress is conflated for a connection that reads slowly; nothing else may be missing in front of an event.
    return bool(event["type"] == "progress")


class Witness:
    """
    One connection with a screen for each job.
    """

    def __init__(self, url: str) -> None:
        self._client = Client(
            f"{url}/connection/websocket",
            min_reconnect_delay=0.02,
            max_reconnect_delay=0.2,
            timeout=30.0,
        )
        self.screens: dict[str, Screen] = {}

    async def open(self) -> None:
        await self._client.connect()

    async def close(self) -> None:
        await self._client.disconnect()

    async def watch(self, job_id: str) -> Screen:
        screen = self.screens[job_id] = Screen(job_id)
        await self._client.new_subscription(f"job:{job_id}", events=screen).subscribe()
        return screen

    async def forget(self, job_id: str) -> None:
        subscription = self._client.get_subscription(f"job:{job_id}")
        if subscription is not None:
            await subscription.unsubscribe()
            self._client.remove_subscription(subscription)
        del self.screens[job_id]


async def wait_for_the_end(http: httpx.AsyncClient, screen: Screen) -> None:
    """
    Wait until the page shows the end; where it does not come, say whether the job or the page stands still.
    """
    with anyio.move_on_after(60):
        await screen.ended.wait()
        return
    job = (await http.get(f"/v1/jobs/{screen.job_id}")).json()
    pytest.fail(
        f"after a minute the page shows {screen.state!r} at {screen.seq}, {screen.standing()}; the store has {job}"
    )


async def hold_against_the_store(http: httpx.AsyncClient, screen: Screen) -> None:
    """
    A page showed nothing wrong, and ends as the store says; there the job ended once, and its events have no gap.
    """
    job_id = screen.job_id
    job = (await http.get(f"/v1/jobs/{job_id}")).json()
    answer = await http.get(f"/v1/jobs/{job_id}/events", params={"since": 0, "limit": 500})
    assert answer.status_code == 200, answer.text
    events = answer.json()["events"]
    ends = [event for event in events if event["type"] == "state" and event["to"] in TERMINAL]
    percents = [
        event["progress"]["percent"] or 0 for event in events if event["type"] == "progress"
    ]
    assert screen.faults == [], (job_id, job["kind"], screen.faults)
    # A job that goes to and fro between queue and worker without anything done would tell of it for ever.
    assert job["seq"] < 500, (job_id, job["kind"], events[-20:])
    assert screen.ends == 1
    assert len(ends) == 1, (job_id, ends)
    assert events[-1] == ends[0]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert percents == sorted(percents)
    assert screen.state == job["state"]
    assert screen.seq == job["seq"]
