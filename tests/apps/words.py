"""
A small app with a socket of its own words.
"""

import json
import time
from collections.abc import Iterable

from avance import App, Avance, Job
from avance.dialect import Dialect, Effect, Event, JobDialect, Send

extension = App("words", sockets={"/ws/words/{job_id}": f"{__name__}:make"})


@extension.task(name="words.say", phases={"think": 50, "speak": 50})
def say(count: int, pause_s: float, job: Job) -> int:
    for phase in ("think", "speak"):
        for _ in job.track(range(count), phase=phase):
            time.sleep(pause_s)
    return count


@extension.task(name="words.chatter", runner="thread")
def chatter(lines: int, job: Job) -> int:
    for number in range(lines):
        job.log(f"line {number}")
    return lines


class Words(JobDialect):
    def greet(self, job: object) -> Iterable[bytes]:
        return [b'{"type":"hello"}']

    def tell(self, event: Event) -> Iterable[bytes]:
        if event["type"] == "state":
            return [json.dumps({"type": "state", "state": event["to"]}).encode()]
        if event["type"] == "progress":
            return [
                json.dumps({"type": "progress", "percent": event["progress"]["percent"]}).encode()
            ]
        return [json.dumps({"type": event["type"], "seq": event["seq"]}).encode()]

    def heard(self, text: str) -> Iterable[Effect]:
        if text == "break":
            raise ValueError("a mistake in the dialect")
        return [Send(b'{"type":"pong"}' if text == "ping" else b'{"type":"what"}')]


def make(host: Avance) -> Dialect:
    return Words(host.jobs)
