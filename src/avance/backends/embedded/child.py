"""
A child process: imports the program once, then runs one attempt after the other. Started by the process runner, as
`python -m avance.backends.embedded.child <work> <control>`, two file descriptors. The main thread reads its work itself, because
handing it over from another thread costs more than a small job; what must be heard during a job comes on the other connection.
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
from collections import deque
from contextlib import nullcontext
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
INTERRUPT_INTERVAL_S = 0.02
INTERRUPT_INTERVAL_S_MAX = 1.0

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
            _interrupt_here()


class ChildAttempt(Attempt):
    def __init__(self, run: Run, child: "Child") -> None:
        self.run = run
        self.is_stopped = False
        self.is_interrupted = False
        self.is_over = threading.Event()
        self._child = child

    @property
    def is_cancelled(self) -> bool:
        """
        In the main thread only once the interruption is raised: a task that saw it earlier would be interrupted while it cleans up.
        """
        return self.is_interrupted if self._child.is_main else self.is_stopped

    def report(self, report: AnyReport, /) -> None:
        self._child.report(self, report)

    def ask(self, what: str, body: bytes, /) -> bytes:
        return self._child.ask(self, what, body)

    async def ask_async(self, what: str, body: bytes, /) -> bytes:
        return await asyncio.to_thread(self.ask, what, body)


class Child:
    """
    The main thread runs tasks; another hears what the parent says meanwhile.
    """

    def __init__(
        self,
        work: socket.socket,
        control: socket.socket,
        limits: EmbeddedLimits = EMBEDDED_LIMITS,
    ) -> None:
        self._work = _Inlet(work, limits)
        self._control = _Inlet(control, limits)
        self._limits = limits
        self._outbox = Outbox(work, limits, _end_with_group)
        self._numbers = itertools.count(1)
        self._questions: dict[int, tuple[ChildAttempt, queue.SimpleQueue[bytes | None]]] = {}
        self._handover = threading.Lock()
        self._attempt: ChildAttempt | None = None
        self._stopped: tuple[str, int] | None = None
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
        threading.Thread(target=self._listen, name="avance-control", daemon=True).start()
        hello = self._work.next()
        if not isinstance(hello, Hello):
            return 0
        performer = self._load(hello)
        if performer is None:
            return 1
        self._outbox.put(Ready())
        while isinstance(message := self._work.next(), Start):
            run = message.run
            # The program, or the task before, may have set its own.
            if signal.getsignal(signal.SIGTERM) != self._interrupt:
                self._take_signals()
            self._perform(performer, self._begin(run))
            self._outbox.put(Free(job_id=run.job_id, attempt=run.attempt))
        self._outbox.drain(self._limits.leave_grace_s)
        return 0

    @property
    def is_main(self) -> bool:
        return threading.get_ident() == self._main

    def report(self, attempt: ChildAttempt, report: AnyReport) -> None:
        if attempt.is_stopped:
            return
        if self._is_forked:
            return
        # The end travels together with the word that the place is free.
        is_end = isinstance(report, Done | Failed)
        with self._shield if self.is_main else nullcontext():
            self._outbox.put(report, flush=not is_end, may_wait=lambda: not attempt.is_stopped)

    def ask(self, attempt: ChildAttempt, what: str, body: bytes) -> bytes:
        answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        number = next(self._numbers)
        with self._handover:
            if attempt.is_stopped and not self.is_main:
                raise Cancelled("the job was cancelled")
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
            with self._shield if self.is_main else nullcontext():
                self._outbox.put(question)
            answer = answers.get()
        finally:
            self._questions.pop(number, None)
        if answer is None:
            raise Cancelled("the job was cancelled")
        return answer

    def _load(self, hello: Hello) -> Perform | None:
        sys.path[:] = hello.path
        try:
            module, _, function = hello.target.partition(":")
            make = getattr(importlib.import_module(module), function)
            arguments = () if hello.argument is None else (hello.argument,)
            return cast(Perform, make(*arguments))
        except BaseException as error:  # noqa: BLE001 - whatever the program raises is told to the parent
            reason = f"{type(error).__name__}: {error}"
            self._outbox.put(Broken(reason=reason, traceback=traceback.format_exc()))
            self._outbox.drain(self._limits.leave_grace_s)
            return None

    def _begin(self, run: Run) -> ChildAttempt:
        attempt = ChildAttempt(run, self)
        with self._handover:
            self._attempt = attempt
            if self._stopped == (run.job_id, run.attempt):
                attempt.is_stopped = True
        return attempt

    def _perform(self, performer: Perform, attempt: ChildAttempt) -> None:
        try:
            try:
                self._shield.is_pending = False
                self._interruptible = attempt
                # It is marked before the signal is sent: a stop that came earlier is seen here.
                if not attempt.is_stopped:
                    performer.perform(attempt)
            finally:
                self._interruptible = None
                attempt.is_over.set()
        except Cancelled:
            # At most one is raised for an attempt, so none comes after this.
            self._interruptible = None
            attempt.is_over.set()
        except BaseException:  # noqa: BLE001 - it promised not to raise; the child goes on
            _log.exception("the performer raised; the parent reports the attempt as lost")

    def _listen(self) -> None:
        while True:
            message = self._control.next()
            if isinstance(message, Stop):
                self._stop(message)
            elif isinstance(message, Answer):
                _, answers = self._questions.get(message.question, (None, None))
                if answers is not None:
                    answers.put(message.body)

    def _stop(self, message: Stop) -> None:
        with self._handover:
            # It may be here before the work that it stops.
            self._stopped = message.job_id, message.attempt
            attempt = self._attempt
            if attempt is None or (attempt.run.job_id, attempt.run.attempt) != self._stopped:
                return
            attempt.is_stopped = True
        threading.Thread(
            target=self._press, args=(attempt,), name="avance-stop", daemon=True
        ).start()

    def _press(self, attempt: ChildAttempt) -> None:
        """
        Interrupt the main thread. From here and not from the parent: no signal can then arrive while another attempt runs.
        """
        self._outbox.recheck()
        # More than once: a signal that comes just before the main thread enters a system call does not end that call.
        wait_s = INTERRUPT_INTERVAL_S
        while not attempt.is_interrupted and not attempt.is_over.is_set():
            signal.pthread_kill(self._main, signal.SIGTERM)
            attempt.is_over.wait(wait_s)
            wait_s = min(2 * wait_s, INTERRUPT_INTERVAL_S_MAX)
        with self._handover:
            waiting = [answers for asker, answers in self._questions.values() if asker is attempt]
        for answers in waiting:
            answers.put(None)

    def _take_signals(self) -> None:
        signal.signal(signal.SIGTERM, self._interrupt)
        # Ctrl-C belongs to the serving process. A handler, not SIG_IGN, which programs started by a task would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        attempt = self._interruptible
        if attempt is None or not attempt.is_stopped or attempt.is_interrupted:
            return
        attempt.is_interrupted = True
        if self._shield.depth:
            self._shield.is_pending = True
            return
        _interrupt_here()

    def _part(self) -> None:
        """
        In a process forked by a task (multiprocessing does that): let go of what belongs to the child alone. Reports from there are
        dropped: two processes writing into one connection would garble it.
        """
        self._is_forked = True
        self._work.close()
        self._control.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt_here() -> None:
    loop = asyncio._get_running_loop()
    if loop is None:
        raise Cancelled("the job was cancelled")
    # Raised inside an event loop it would end in whatever callback runs just now, and be lost there.
    loop.call_soon_threadsafe(_cancel_all, loop)


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


class _Inlet:
    """
    The messages of one connection to the parent.
    """

    def __init__(self, connection: socket.socket, limits: EmbeddedLimits) -> None:
        self._connection = connection
        self._frames = Frames(limits.frame_bytes_max)
        self._arrived: deque[bytes] = deque()

    def next(self) -> Down:
        """
        Wait for the next; without a parent there is none, and the process ends.
        """
        while not self._arrived:
            try:
                data = self._connection.recv(READ_BYTES)
            except ConnectionError:
                data = b""
            if not data:
                _end_with_group()
            self._arrived += self._frames.feed(data)
        return decode_down(self._arrived.popleft())

    def close(self) -> None:
        self._connection.close()


def _end_with_group() -> None:
    """
    The parent is gone: nobody would hear of the result, so end at once, with all that the task has started.
    """
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> int:
    work, control = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    for stream in (sys.stdout, sys.stderr):
        # Not a terminal, so Python would keep the lines of a task back.
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return Child(work, control).run()


if __name__ == "__main__":
    sys.exit(main())
