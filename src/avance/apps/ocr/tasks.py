"""
The tasks: reading a document here, handing a request to an engine elsewhere, telling the one who asked.
"""

from typing import Any

from avance import Job, Retry, Throttle
from avance.apps.ocr import app

PHASES = {"fetching": 5, "reading": 85, "extracting": 10}


@app.task(
    name="ocr.read", phases=PHASES, progress=Throttle(hz=10, keep_first=200), title="file_name"
)
async def read(document_id: str, file_name: str, job: Job) -> dict[str, Any]:
    """
    Read one document with the local engine.
    """
    # Worker children import this module to find the task and never run it.
    from avance.apps.ocr.pipeline import Reading  # noqa: PLC0415

    return await Reading(app.host, job).run(document_id)


@app.task(name="ocr.send", retry=Retry(max_attempts=5, backoff_s=[2, 10, 60, 300]), title="title")
async def send(request_id: str, token: str, title: str, job: Job) -> int:
    """
    Hand the documents of a request to the external engine.
    """
    from avance.apps.ocr.external import send_request  # noqa: PLC0415

    return await send_request(app.host, job, request_id, token)


@app.task(name="ocr.tell", retry=Retry(max_attempts=5, backoff_s=[2, 10, 60, 300]), title="title")
async def tell(document_id: str, title: str, job: Job) -> int:
    """
    Send the result of a document to the `url_response` of its request.
    """
    from avance.apps.ocr.external import tell_asker  # noqa: PLC0415

    return await tell_asker(app.host, document_id)
