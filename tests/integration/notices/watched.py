"""
An app of one task that ends when a file is there, for nodes that are started by a test.
"""

from pathlib import Path

import anyio

from avance import Avance, on_finish

app = Avance()


@app.task(name="watched.report", title="name", notify=on_finish("{title} is {state}"))
async def report(name: str, gate: str) -> str:
    """
    Wait for a file.
    """
    while not await anyio.Path(gate).exists():  # noqa: ASYNC110  another process makes it
        await anyio.sleep(0.02)
    return Path(gate).name
