"""
A child process: imports the program once, then runs one attempt after the other. Started by the process runner, as
`python -m avance.backends.embedded.child <file descriptor>`.
"""

import asyncio
import importlib
import itertools
import logging
import os
import queue
import signal
import socket
import sys
import threading
import traceback
from types import FrameType, TracebackType
from typing import cast

import msgspec

from avance.backends.embedded.frames import (
    Answer,
    Broken,
    Down,
    Frames,
    Free,
    Hello,
    Leave,
    Question,
    Ready,
    Start,
    Stop,
    decode_down,
)
from avance.backends.embedded.limits import EMBEDDED_LIMITS, EmbeddedLimits
from avance.backends.embedded.outbox import Outbox
from avance.errors import Cancelled
from avance.model.report import AnyReport, Done, Failed
from avance.ports.executor import Attempt, Perform, Run

READ_BYTES = 65_536

_log = logging.getLogger("avance.embedded")


class Shield:
    """
    Puts off the interruption of the main thread while it holds a lock of ours.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.is_pending = False

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        self.depth -= 1
        if self.is_pending and self.depth == 0:
            self.is_pending = False
            raise Cancelled("the job was cancelled")


class ChildAttempt(Attempt):
    def __init__(self, run: Run, child: "Child") -> None:
        self.run = run
        self.is_interrupted = False
        self._child = child
        self._stopped = threading.Event()

    @property
    def is_cancelled(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()

    def report(self, report: AnyReport, /) -> None:
        self._child.report(self, report)

    def ask(self, what: str, body: bytes, /) -> bytes:
        return self._child.ask(self, what, body)

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        return await asyncio.to_thread(self.ask, what, body)


class Child:
    """
    The main thread runs tasks; a thread reads what the parent says.
    """

    def __init__(self, connection: socket.socket, limits: EmbeddedLimits = EMBEDDED_LIMITS) -> None:
        self._connection = connection
        self._limits = limits
        self._outbox = Outbox(connection, limits, _end_with_group)
        self._inbox: queue.SimpleQueue[Hello | ChildAttempt | None] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._questions: dict[int, tuple[ChildAttempt, queue.SimpleQueue[bytes | None]]] = {}
        self._attempt: ChildAttempt | None = None
        self._interruptible: ChildAttempt | None = None
        self._shield = Shield()
        self._main = threading.main_thread().ident or 0
        self._is_forked = False

    def run(self) -> int:
        """
        Work until the parent says to leave.
        """
        self._take_signals()
        os.register_at_fork(after_in_child=self._part)
        threading.Thread(target=self._read, name="avance-inbox", daemon=True).start()
        hello = self._inbox.get()
        if not isinstance(hello, Hello):
            return 0
        performer = self._load(hello)
        if performer is None:
            return 1
        # The program may have set its own while it was imported.
        self._take_signals()
        self._outbox.put(Ready())
        while isinstance(attempt := self._inbox.get(), ChildAttempt):
            self._perform(performer, attempt)
            run = attempt.run
            self._outbox.put(Free(job_id=run.job_id, attempt=run.attempt))
        self._outbox.drain(self._limits.leave_grace_s)
        return 0

    def report(self, attempt: ChildAttempt, report: AnyReport) -> None:
        if attempt.is_cancelled:
            return
        if self._is_forked:
            _log.warning("a report from a forked process is dropped; report from the task itself")
            return
        # The end travels together with the word that the place is free.
        is_end = isinstance(report, Done | Failed)
        if threading.get_ident() != self._main:
            self._put(attempt, report, flush=not is_end)
            return
        with self._shield:
            self._put(attempt, report, flush=not is_end)

    def ask(self, attempt: ChildAttempt, what: str, body: bytes) -> bytes:
        answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        number = next(self._numbers)
        self._questions[number] = (attempt, answers)
        run = attempt.run
        question = Question(
            number=number,
            job_id=run.job_id,
            attempt=run.attempt,
            what=what,
            body=msgspec.Raw(body),
        )
        try:
            if threading.get_ident() == self._main:
                with self._shield:
                    self._outbox.put(question)
            else:
                self._outbox.put(question)
            # Asked after the question is known to the reader: a stop before this is seen here, a later one wakes us.
            answer = None if attempt.is_cancelled else answers.get()
        finally:
            self._questions.pop(number, None)
        if answer is None:
            raise Cancelled("the job was cancelled")
        return answer

    def _put(self, attempt: ChildAttempt, report: AnyReport, *, flush: bool) -> None:
        self._outbox.put(report, flush=flush, may_wait=lambda: not attempt.is_cancelled)

    def _load(self, hello: Hello) -> Perform | None:
        sys.path[:] = hello.path
        try:
            module, _, function = hello.target.partition(":")
            make = getattr(importlib.import_module(module), function)
            return cast(Perform, make())
        except BaseException as error:  # noqa: BLE001 - whatever the program raises is told to the parent
            reason = f"{type(error).__name__}: {error}"
            self._outbox.put(Broken(reason=reason, traceback=traceback.format_exc()))
            self._outbox.drain(self._limits.leave_grace_s)
            return None

    def _perform(self, performer: Perform, attempt: ChildAttempt) -> None:
        try:
            try:
                self._shield.is_pending = False
                self._interruptible = attempt
                # The reader marks the attempt before it sends the signal: a stop that came earlier is seen here.
                if not attempt.is_cancelled:
                    performer.perform(attempt)
            finally:
                self._interruptible = None
        except Cancelled:
            # At most one is raised for an attempt, so none comes after this.
            self._interruptible = None
        except BaseException:  # noqa: BLE001 - it promised not to raise; the child goes on
            _log.exception("the performer raised; the parent reports the attempt as lost")

    def _read(self) -> None:
        frames = Frames(self._limits.frame_bytes_max)
        while True:
            try:
                data = self._connection.recv(READ_BYTES)
            except ConnectionError:
                data = b""
            if not data:
                _end_with_group()
            for frame in frames.feed(data):
                self._receive(decode_down(frame))

    def _receive(self, message: Down) -> None:
        match message:
            case Hello():
                self._inbox.put(message)
            case Start():
                self._attempt = ChildAttempt(message.run, self)
                self._inbox.put(self._attempt)
            case Stop():
                self._stop(message)
            case Answer():
                _, answers = self._questions.get(message.question, (None, None))
                if answers is not None:
                    answers.put(message.body)
            case Leave():
                self._inbox.put(None)

    def _stop(self, message: Stop) -> None:
        attempt = self._attempt
        if attempt is None or (attempt.run.job_id, attempt.run.attempt) != (
            message.job_id,
            message.attempt,
        ):
            return
        attempt.stop()
        self._outbox.recheck()
        for asker, answers in list(self._questions.values()):
            if asker is attempt:
                answers.put(None)
        # From here and not from the parent: no signal can then arrive while another attempt runs.
        signal.pthread_kill(self._main, signal.SIGTERM)

    def _take_signals(self) -> None:
        signal.signal(signal.SIGTERM, self._interrupt)
        # Ctrl-C belongs to the serving process. A handler, not SIG_IGN, which programs started by a task would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        attempt = self._interruptible
        if attempt is None or not attempt.is_cancelled or attempt.is_interrupted:
            return
        attempt.is_interrupted = True
        if self._shield.depth:
            self._shield.is_pending = True
            return
        raise Cancelled(f"job {attempt.run.job_id} was cancelled")

    def _part(self) -> None:
        """
        In a process forked by a task (multiprocessing does that): let go of what belongs to the child alone.
        """
        self._is_forked = True
        self._connection.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end_with_group() -> None:
    """
    The parent is gone: nobody would hear of the result, so end at once, with all that the task has started.
    """
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> int:
    connection = socket.socket(fileno=int(sys.argv[1]))
    for stream in (sys.stdout, sys.stderr):
        # Not a terminal, so Python would keep the lines of a task back.
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return Child(connection).run()


if __name__ == "__main__":
    sys.exit(main())
