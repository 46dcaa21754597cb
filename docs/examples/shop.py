import time

from avance import Avance, Job

app = Avance()


@app.task(phases={"reading": 30, "indexing": 70})
def ingest(path: str, job: Job) -> dict[str, int]:
    with job.phase("reading"):
        pages = [f"page {number} of {path}" for number in range(1, 21)]
    for page in job.track(pages, phase="indexing", unit="page"):
        job.log(f"indexing {page}")
        time.sleep(0.1)
    return {"pages": len(pages)}
