"""
avance inside your own FastAPI app: two lines.

    uvicorn main:api --port 8000
    curl -s -X POST 'http://127.0.0.1:8000/reports?year=2026'
"""

import time

from fastapi import FastAPI

import avance.fastapi
from avance import Avance, Job

app = Avance()
api = FastAPI(title="Reports")
avance.fastapi.install(api, app)


@app.task(title="name")
def report(name: str, year: int, job: Job) -> dict[str, int]:
    """
    Count what happened in each month.
    """
    counts = {}
    for month in job.track(range(1, 13), unit="month"):
        time.sleep(0.05)
        counts[f"{year}-{month:02}"] = month * 7
    return counts


@api.post("/reports")
async def make_report(year: int) -> dict[str, str]:
    """
    Answers at once; the page subscribes to the channel with the token.
    """
    handle = await report.using(owner="dev").submit(f"Report {year}", year)
    return {"job_id": handle.id, "channel": handle.channel, "token": handle.token}


@api.get("/reports/{job_id}")
async def read_report(job_id: str) -> dict[str, object]:
    job = await app.jobs.get(job_id)
    return {"state": job.state.value, "percent": job.progress.percent}
