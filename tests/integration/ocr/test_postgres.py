"""
Documents in PostgreSQL instead of SQLite. docs/contract/ocr.md, decision 11.
"""

from collections.abc import Callable

import httpx2 as httpx
from node_service import Node
from tests.integration.ocr.conftest import ended, tab, uploaded
from tests.integration.ocr.paper import digital_pdf


async def test_documents_live_in_postgres_as_they_do_in_sqlite(
    serve: Callable[..., Node], postgres_url: str
) -> None:
    """Taken, read, told, listed, corrected, linked and removed."""
    node = serve(AVANCE_STORE=postgres_url)
    async with httpx.AsyncClient(base_url=node.url, timeout=60) as http, tab(node) as page:
        await page.subscribe()
        first, second = await uploaded(
            http,
            ("one.pdf", digital_pdf("A short note of a few words")),
            ("two.pdf", digital_pdf("Another note of a few words")),
        )
        told = await page.until(documentId=second, status="completed")
        assert "Another note" in told["ocrResult"]["extractedText"]
        await ended(http, first)
        listed = (await http.get("/api/ocr/documents?status=completed&limit=1")).json()
        rest = await http.get(f"/api/ocr/documents?limit=1&cursor={listed['cursor']}")
        ids = {listed["data"][0]["id"], rest.json()["data"][0]["id"]}
        assert ids == {first, second}
        base = f"/api/ocr/document/{first}"
        assert (await http.get(f"{base}/pages")).json()["data"][0]["number"] == 1
        await http.post(f"{base}/review", json={"finalDecision": "REJECTED"})
        [change] = (await http.get(f"{base}/history")).json()["data"]
        assert change["after"] == {"finalDecision": "REJECTED"}
        assert (await http.get(f"/api/ocr/public-file/{first}")).status_code == 302
        assert (await http.delete(f"/api/ocr/delete/{first}")).status_code == 200
        assert (await http.get(base)).status_code == 404
