"""
Draw a job on a terminal while it runs.
"""

import shutil
import sys
from typing import TextIO

import msgspec

from avance.integrations.client.bar import line, printable
from avance.integrations.client.follow import Change


class Screen:
    """
    One line that is drawn anew on a terminal; elsewhere a line for each change of state, phase or attempt.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_live = self._stream.isatty()
        self._shown: tuple[object, ...] = ()

    def show(self, change: Change) -> None:
        """
        Draw the job as it is now; log lines scroll by above it.
        """
        job = change.job
        if change.type == "log":
            self._clear()
            self._write(f"  {change.event['level']}: {printable(str(change.event['message']))}\n")
        shown = msgspec.to_builtins(job)
        if self._is_live:
            self._clear()
            self._write(line(shown, shutil.get_terminal_size().columns))
        else:
            now = (job.state, job.progress.phase, job.attempt)
            if now != self._shown:
                self._shown = now
                self._write(line(shown, 200) + "\n")
        if job.state.is_terminal and self._is_live:
            self._write("\n")

    def _clear(self) -> None:
        if self._is_live:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
