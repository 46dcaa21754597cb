from collections.abc import Iterable

from avance import App, Avance, Job
from avance.dialect import Dialect, Effect, Event, JobDialect, Send

app = App("steps", sockets={"/ws/steps/{job_id}": "steps:speak"})


@app.task
def climb(steps: int, job: Job) -> int:
    for _ in job.track(range(steps)):
        pass
    return steps


class Steps(JobDialect):
    """One job, in three words."""

    def greet(self, job: object) -> Iterable[bytes]:
        return [b'{"type":"hello"}']

    def tell(self, event: Event) -> Iterable[bytes]:
        if event["type"] == "state":
            yield b'{"type":"state","state":"%s"}' % event["to"].encode()

    def heard(self, text: str) -> Iterable[Effect]:
        return [Send(b'{"type":"pong"}')]


def speak(host: Avance) -> Dialect:
    """What is said on /ws/steps/{job_id}."""
    return Steps(host.jobs)
