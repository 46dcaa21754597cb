"""
A live bar for one job.
"""

import asyncio
import shutil
import sys
from contextlib import aclosing
from typing import Any

import click
import msgspec

from avance.cli.client import Client
from avance.cli.follow import Event, JobFollower, NoSocket
from avance.integrations.client.bar import line, printable

EXIT_CODES = {"completed": 0, "failed": 1, "expired": 1, "cancelled": 3}


class Screen:
    """
    Redraws the bar in place on a terminal; elsewhere writes a line for each change of state or phase.
    """

    def __init__(self, *, as_json: bool, has_logs: bool) -> None:
        self._as_json = as_json
        self._has_logs = has_logs
        self._is_live = sys.stdout.isatty() and not as_json
        self._last: tuple[object, ...] = ()

    def show(self, event: Event, job: dict[str, Any]) -> None:
        """
        Show one event and what the job is now.
        """
        if self._as_json:
            click.echo(msgspec.json.encode(event))
            return
        if event["type"] == "log" and self._has_logs:
            self._clear()
            click.echo(f"  {event['level']}: {printable(str(event['message']))}")
        if self._is_live:
            self._clear()
            click.echo(line(job, shutil.get_terminal_size().columns), nl=False)
            return
        now = (job.get("state"), (job.get("progress") or {}).get("phase"), job.get("attempt"))
        if now != self._last:
            self._last = now
            click.echo(line(job, 200))

    def end(self, job: dict[str, Any]) -> None:
        """
        The last word: the error or the result.
        """
        if self._as_json:
            return
        if self._is_live:
            click.echo("")
        error = job.get("error")
        if error and job.get("state") != "completed":
            click.echo(f"{error['code']}: {printable(str(error['message']))}", err=True)
        elif job.get("result") is not None:
            click.echo(msgspec.json.format(msgspec.json.encode(job["result"]), indent=2))

    def _clear(self) -> None:
        if self._is_live:
            click.echo("\r\x1b[2K", nl=False)


def watch_job(client: Client, job_id: str, *, as_json: bool, has_logs: bool) -> int:
    """
    Follow to the end and answer the exit code.
    """
    follower = JobFollower(client, job_id)
    screen = Screen(as_json=as_json, has_logs=has_logs)
    try:
        asyncio.run(_follow(follower, screen))
    except NoSocket as error:
        click.echo(f"no WebSocket gets through ({error}); asking over HTTP", err=True)
        for event in follower.polled():
            screen.show(event, follower.job)
    screen.end(follower.job)
    return EXIT_CODES.get(str(follower.job.get("state")), 1)


async def _follow(follower: JobFollower, screen: Screen) -> None:
    async with aclosing(follower.events()) as events:
        async for event in events:
            screen.show(event, follower.job)
