"""
What runs as a job.
"""

from typing import Any

import msgspec

from avance import Job, Throttle
from avance.apps.documents import app
from avance.apps.documents.model import OnDuplicate, Source

PHASES = {"extracting": 20, "chunking": 20, "enriching": 30, "indexing": 30}
UPLOAD = "documents.upload"
"""The kind of a job that follows the bytes of a file, and has its reading as a child."""
EACH_CHUNK_UP_TO = 700
"""So many reports pass unthinned: three stages of 200 passages, with pages and states beside them."""


@app.task(
    name="documents.ingest",
    phases=PHASES,
    progress=Throttle(hz=10, keep_first=EACH_CHUNK_UP_TO, min_step=0.5),
    title="title",
)
async def ingest(
    sources: list[dict[str, Any]],
    collection: str,
    tokens: int,
    overlap: int,
    title: str,
    job: Job,
    on_duplicate: str = "skip",
    force_recreate: bool = False,
    replaces: str | None = None,
    collection_id: int | None = None,
    strategy: str = "recursive",
) -> dict[str, Any]:
    """
    Read files into a collection. It is known by its id, because it may be renamed before its files are read.
    """
    # Worker children import this module to find the task and never run it.
    from avance.apps.documents.batches import Batches, settling  # noqa: PLC0415
    from avance.apps.documents.catalog import Catalog  # noqa: PLC0415
    from avance.apps.documents.pipeline import Ingestion  # noqa: PLC0415
    from avance.apps.documents.text.strategies import Cutting, Strategy  # noqa: PLC0415

    owner, host = job.owner or "", app.host
    stored = await host.jobs.get(job.id)
    place = await Catalog(host.records).place(
        owner, stored.tenant, collection, fresh=force_recreate, collection_id=collection_id
    )
    batches = Batches(host.records)
    if stored.retry_of is not None:
        await batches.take_over(stored.retry_of, job.id)
    # Whose parent had ended is tried again without one, and its file counts in the batch all the same.
    is_in_batch = stored.parent_id is not None or stored.retry_of is not None
    ingestion = Ingestion(
        host,
        job,
        place=place,
        owner=owner,
        cutting=Cutting(tokens=tokens, overlap=overlap, strategy=Strategy(strategy)),
        policy=OnDuplicate(on_duplicate),
        fresh=force_recreate,
        is_in_batch=is_in_batch,
        replaces=replaces,
    )
    wanted = [msgspec.convert(one, Source) for one in sources]
    if not is_in_batch:
        return await ingestion.run(wanted)
    async with settling(batches, job.id) as done:
        result = await ingestion.run(wanted)
        done(int(result["chunks"]))
    return result


@app.task(
    name="documents.github",
    phases={"fetching": 50, "unpacking": 50},
    progress=Throttle(hz=10),
    title="title",
)
async def fetch_repository(
    batch_id: str,
    owner: str,
    name: str,
    branch: str | None,
    patterns: list[str],
    title: str,
    job: Job,
    on_duplicate: str = "skip",
) -> dict[str, Any]:
    """
    Put the files of a public repository into a batch; each is then read by a job of its own.
    """
    # As above.
    from avance.apps.documents.repository import Repository, fetch_into  # noqa: PLC0415

    wanted = Repository(owner=owner, name=name, branch=branch, patterns=tuple(patterns))
    return await fetch_into(app.host, batch_id, wanted, OnDuplicate(on_duplicate), job)


@app.task(name="documents.ask", title="question", timeout_s=600, expose=True)
async def ask(
    question: str,
    job: Job,
    collection: str = "documents",
    limit: int = 5,
    language: str = "es",
    retrieval: str | None = None,
) -> dict[str, Any]:
    """
    Answer a question. The answer is emitted as `tokens` while it is written; a cancel ends the writing.
    """
    # As above.
    from avance.apps.documents.asking import Question, answer_in_pieces, retrieval_of  # noqa: PLC0415
    from avance.apps.documents.settings import DocumentsSettings  # noqa: PLC0415

    stored = await app.host.jobs.get(job.id)
    asked = Question(
        text=question,
        collection=collection,
        limit=limit,
        language=language,
        retrieval=retrieval_of(retrieval, app.host.settings.section(DocumentsSettings)),
    )
    return await answer_in_pieces(app.host, stored.owner or "", stored.tenant, asked, job)
