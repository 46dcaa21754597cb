"""
Very many jobs that move. Served with `avance serve rows_app:app`.
"""

import asyncio

from avance import Avance, Job

app = Avance()
DEADLINE_S = 600
NEWEST = 10


@app.task(name="rows.move", expose=True)
async def move(count: int, every_s: float, job: Job) -> None:
    """
    Open `count` jobs for `dev`; then one of them after the other goes a step further, until this is cancelled.
    """
    rows = [
        await app.track(kind="rows.row", owner="dev", title=f"row {n}", deadline_s=DEADLINE_S)
        for n in range(count)
    ]
    job.progress(percent=1)
    told = [0] * count
    # Every second one is among the newest, which stand where somebody looks.
    for step in range(DEADLINE_S * 20):
        chosen = count - 1 - step // 2 % NEWEST if step % 2 else step % count
        told[chosen] = min(told[chosen] + 1, 99)
        rows[chosen].progress(percent=told[chosen])
        await asyncio.sleep(every_s)


@app.task(name="rows.say", expose=True)
async def say(count: int, job: Job) -> None:
    """
    Say very many lines.
    """
    for n in range(1, count + 1):
        job.log(f"line {n}")
        if n % 500 == 0:
            await asyncio.sleep(0)
