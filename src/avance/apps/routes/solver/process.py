"""
The program of a solver process: one search after the other, until its input ends. Run as `python -m avance.apps.routes.solver.process`.
"""

import signal
import sys
import time
import traceback
from functools import partial

from avance.apps.routes.solver.run import search
from avance.apps.routes.solver.search import Tell
from avance.apps.routes.solver.wire import (
    Broken,
    Work,
    receive_work,
    send,
    unpack_block,
    unpack_weighing,
    unpack_yard,
)


def main() -> None:
    # Ctrl-C belongs to the server; the task that owns this process ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (work := receive_work(source)) is not None:
        try:
            _search(work, partial(send, target))
        except Exception as error:  # noqa: BLE001 - whatever the search raises is told to the task
            send(target, Broken(reason=repr(error), traceback=traceback.format_exc()))


def _search(work: Work, tell: Tell) -> None:
    search(
        [unpack_block(block) for block in work.blocks],
        work.options,
        tell,
        clock_s=time.monotonic,
        seeds=work.seeds,
        yard=None if work.yard is None else unpack_yard(work.yard),
        weighing=None if work.weighing is None else unpack_weighing(work.weighing),
    )


if __name__ == "__main__":
    main()
