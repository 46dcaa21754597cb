"""
The side of the task: a warm solver process that does the numeric work, and can be ended at any moment, in the middle of C code too.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from avance.apps.routes.solver.block import Block
from avance.apps.routes.solver.depots.yard import Yard
from avance.apps.routes.solver.options import SearchOptions
from avance.apps.routes.solver.search import Ended
from avance.apps.routes.solver.weighing.problem import Weighing
from avance.apps.routes.solver.wire import (
    Broken,
    Up,
    Work,
    pack_block,
    pack_weighing,
    pack_yard,
    receive_up,
    send,
)
from avance.errors import Unavailable

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Searches run beside each other, one on each processor."""


class SolverProcess:
    """
    One process, used by one search at a time.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def warm_up(self) -> None:
        """
        Start it, if it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "avance.apps.routes.solver.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={
                    **os.environ,
                    **THREADS,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )

    def run(
        self,
        blocks: Sequence[Block],
        options: SearchOptions,
        seeds: Sequence[Sequence[int]] = (),
        yard: Yard | None = None,
        weighing: Weighing | None = None,
    ) -> Iterator[Up]:
        """
        What the search tells, up to its end. Whoever stops listening ends the process.

        Raises:
            Unavailable: The process was lost; trying again may help.
        """
        self.warm_up()
        process = self._process
        assert process is not None
        is_over = False
        try:
            work = Work(
                blocks=[pack_block(block) for block in blocks],
                options=options,
                seeds=[list(seed) for seed in seeds],
                yard=None if yard is None else pack_yard(yard),
                weighing=None if weighing is None else pack_weighing(weighing),
            )
            with contextlib.suppress(BrokenPipeError):
                send(cast(BinaryIO, process.stdin), work)
            while (told := receive_up(cast(BinaryIO, process.stdout))) is not None:
                if isinstance(told, Broken):
                    raise RuntimeError(f"the search failed: {told.reason}\n{told.traceback}")
                yield told
                if isinstance(told, Ended):
                    is_over = True
                    return
            raise Unavailable(
                f"the solver process {process.pid} was lost (exit {process.wait()}); the job is tried again",
                code="solver_lost",
            )
        finally:
            if not is_over:
                self.end()

    def end(self) -> None:
        """
        End it now.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


SOLVER = SolverProcess()
"""Of this worker process. Kept warm between jobs: starting one costs a second of imports."""
