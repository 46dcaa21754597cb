"""
A shop that makes invoices.

    avance serve shop:app
    avance jobs submit shop.invoice customer=Ana items=30 --watch
"""

import time

from avance import Avance, Job, Retry

app = Avance()


@app.task(expose=True, title="customer", phases={"collecting": 70, "printing": 30})
def invoice(customer: str, job: Job, items: int = 10) -> dict[str, object]:
    """
    Make an invoice; runs in a process of its own, so it can be cancelled at any time.
    """
    for _ in job.track(range(items), phase="collecting", unit="item"):
        time.sleep(0.05)
    with job.phase("printing"):
        job.log("printing", copies=2)
        time.sleep(0.2)
    return {"customer": customer, "items": items, "total": round(items * 9.99, 2)}


@app.task(expose=True, retry=Retry(max_attempts=4, backoff_s=(1, 2, 4)))
async def send(address: str, job: Job) -> str:
    """
    Send it; the mail server fails at the first attempt.
    """
    if job.attempt == 1:
        raise ConnectionError("the mail server does not answer")
    return f"sent to {address}"
