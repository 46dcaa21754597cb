"""
Summary, topic and keywords of passages by a model, where `METADATA_PROVIDER` names one: docs/contract/uploads.md, 3.2. A double of the
endpoint answers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import to_builtins

from avance import Avance
from avance.app.engine import Engine
from avance.apps.documents import app
from avance.apps.documents.http.files import keep_text, new_folder
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tasks import ingest
from avance.config import read_settings

from .models import WRITER, Models, serving

TEXT = "\n\n".join(
    f"# Harbour {n}\n\n" + f"Harbour {n} has cranes and docks. " * 12 for n in range(11)
)
AT_ONCE = 20


@pytest.fixture
def models() -> Iterator[Models]:
    with serving() as one:
        yield one


@pytest.fixture
def site(tmp_path: Path, models: Models) -> tuple[Avance, Engine]:
    env = {
        "AVANCE_DATA": str(tmp_path),
        "AVANCE_PROCESSES": "0",
        "METADATA_PROVIDER": "openai",
        "OPENAI_BASE_URL": models.url,
        "OPENAI_API_KEY": "a key",
        "OPENAI_MODEL": WRITER,
    }
    host = Avance(settings=read_settings(env=env, sections={"documents": DocumentsSettings}))
    host.include(app)
    return host, host.build()


async def read(host: Avance, engine: Engine) -> tuple[list[dict[str, Any]], list[str]]:
    """
    The details of the passages of one document, and what its job warned of.
    """
    async with host.running(engine):
        folder = new_folder()
        source = await keep_text(host, folder, 0, TEXT, "harbours.md", {})
        handle = await ingest.using(owner="ana", job_id=folder).submit(
            sources=[to_builtins(source)],
            collection="documents",
            tokens=64,
            overlap=0,
            title="harbours.md",
        )
        await handle.result(timeout_s=60)
        found = await host.records.read(
            lambda rows: rows.all("SELECT details FROM documents_chunks ORDER BY chunk_index")
        )
        page = await host.jobs.events(folder, since=0, limit=1_000)
        events = [msgspec.json.decode(one.data) for one in page.publications]
    warned = [one["message"] for one in events if one.get("level") == "warning"]
    return [msgspec.json.decode(row[0]) for row in found], warned


async def test_a_model_describes_passages_many_at_once(
    site: tuple[Avance, Engine], models: Models
) -> None:
    details, warned = await read(*site)
    assert AT_ONCE < len(details) < 2 * AT_ONCE
    assert warned == []
    assert len(models.asked) == 2
    assert set(models.keys) == {"Bearer a key"}
    told = [one for one in details if one["topic"].startswith("Harbour")]
    assert told
    for one in told:
        assert one["summary"] == f"About {one['topic']}."
        assert one["keywords"] == one["topic"].split()
        # What no model is asked for stays.
        assert (one["complexity"], one["sentiment"]) == ("easy", "neutral")


async def test_what_a_model_writes_instead_of_a_list_is_said_and_the_text_speaks_for_itself(
    site: tuple[Avance, Engine], models: Models
) -> None:
    models.gives_up = True
    details, warned = await read(*site)
    assert len(models.asked) == len(warned) == 1
    assert "metadata_url" in warned[0]
    assert all(one["summary"] and one["keywords"] for one in details)
    assert not any(one["summary"].startswith("About") for one in details)
