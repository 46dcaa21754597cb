"""
`@app.task(notify=on_finish("…"))`: the owner hears of the end of a job that nobody watches.
"""

from collections.abc import Callable, Sequence

import msgspec

from avance.model.inbox import Priority
from avance.model.job import Job, State
from avance.notify.draft import Draft

Text = str | Callable[[Job], str]
ENDS = (State.COMPLETED, State.FAILED)


class OnFinish(msgspec.Struct, frozen=True, kw_only=True):
    """
    What to say at the end of a job, and at which ends.
    """

    text: Text
    states: tuple[State, ...]
    kind: str
    priority: Priority
    channels: tuple[str, ...] | None
    url: str | None

    def concerns(self, state: State) -> bool:
        return state in self.states

    def draft(self, job: Job, owner: str) -> Draft:
        """
        One notification for a job, however often and on however many nodes its end is heard of.
        """
        return Draft(
            user=owner,
            title=self._title(job),
            body="" if job.error is None else job.error.message[:1_000],
            kind=self.kind,
            priority=self.priority,
            url=self.url and self._filled(self.url, job),
            job_id=job.id,
            tenant=job.tenant,
            channels=self.channels,
            idempotency=("job", job.id),
        )

    def _title(self, job: Job) -> str:
        text = self.text(job) if callable(self.text) else self._filled(self.text, job)
        return " ".join(text.split())[:200] or job.kind

    def _filled(self, text: str, job: Job) -> str:
        # Not `str.format`: a title that somebody typed must not reach into the job.
        for name, value in (
            ("{title}", job.title or job.kind),
            ("{state}", job.state.value),
            ("{kind}", job.kind),
            ("{id}", job.id),
        ):
            text = text.replace(name, value)
        return text


def on_finish(
    text: Text,
    *,
    states: Sequence[State | str] = ENDS,
    kind: str = "job_finished",
    priority: Priority | str = Priority.NORMAL,
    channels: Sequence[str] | None = None,
    url: str | None = None,
) -> OnFinish:
    """
    Tell a job's owner that it ended, unless the owner is watching it.

    Args:
        text: The title; `{title}`, `{state}`, `{kind}` and `{id}` are filled in. Or a function of the job.
        states: At which ends.
        channels: By default those of the kind, that is the inbox.
        url: Where it leads, filled in as the text is.
    """
    return OnFinish(
        text=text,
        states=tuple(State(state) for state in states),
        kind=kind,
        priority=Priority(priority),
        channels=None if channels is None else tuple(channels),
        url=url,
    )
