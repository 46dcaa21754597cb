"""
The demo's tasks, and one that stays half done until it is told to go on. Served with `avance serve gated_app:app`.
"""

import time
from pathlib import Path

from avance import Job
from avance.cli.demo_tasks import app

__all__ = ["app"]


@app.task(
    name="demo.gated",
    expose=True,
    title="name",
    phases={"parsing": 20, "chunking": 10, "embedding": 60, "storing": 10},
)
def gated(
    job: Job, gate: str, name: str = "report.pdf", pages: int = 30
) -> dict[str, str | int | float]:
    """
    Read a document in phases; the pages from the middle on only when there is a file at `gate`.
    """
    for phase in ("parsing", "chunking", "embedding", "storing"):
        with job.phase(phase):
            for page in range(1, pages + 1):
                job.progress(current=page, total=pages, message=f"{phase}: page {page} of {pages}")
                if page * 2 == pages:
                    while not Path(gate).exists():
                        time.sleep(0.01)
    job.log("stored", pages=pages)
    return {"name": name, "pages": pages}
