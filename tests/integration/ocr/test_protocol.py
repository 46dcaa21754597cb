"""
What is said on the socket, to whom: docs/contract/ocr.md.
"""

import json

import httpx2 as httpx
import pytest
from node_service import Node
from tests.integration.ocr.conftest import ended, tab, uploaded
from tests.integration.ocr.paper import digital_pdf
from websockets.exceptions import ConnectionClosed

NAMES = {
    "document_update": {
        *("type", "documentId", "status", "ocrResult", "timestamp", "error", "finalDecision"),
        *("processingStatus", "documentType", "observations"),
    }
}
ROOT = {"X-API-Key": "root-key"}


async def one(http: httpx.AsyncClient, key: str | None = None) -> str:
    [document] = await uploaded(
        http, ("note.pdf", digital_pdf("A short note of a few words")), key=key
    )
    return document


async def test_messages_are_answered_and_malformed_ones_are_not_fatal(node: Node) -> None:
    """004-07 004-11 004-25: pong with a time; what is not understood is answered with `error`."""
    async with tab(node) as page:
        await page.next()
        await page.say(type="ping")
        pong = await page.next()
        assert set(pong) == {"type", "timestamp"}
        assert pong["timestamp"].endswith("Z")
        for text in ("no json", '{"type":"dance"}', "[1]", '{"type":"get_document_status"}'):
            await page.connection.send(text)
            assert (await page.next())["type"] == "error"
        await page.say(type="ping")
        assert (await page.next())["type"] == "pong"


async def test_only_the_stage_is_a_socket(node: Node) -> None:
    """004-01: the path is the stage and nothing else."""
    async with tab(node, "/staging") as page:
        with pytest.raises(ConnectionClosed):
            await page.next()
        assert page.connection.close_code == 4404


async def test_the_status_that_is_asked_for_is_that_of_http(
    node: Node, http: httpx.AsyncClient
) -> None:
    """004-09 004-13 004-05 004-T4."""
    document = await one(http)
    told = await ended(http, document)
    async with tab(node) as page:
        await page.next()
        await page.say(type="get_document_status", documentId=document)
        answer = await page.next()
        assert answer["type"] == "document_status"
        assert answer["message"] == "Document status requested"
        assert answer["status"] == told["status"]
        assert answer["ocrResult"] == told["ocrResult"]
        await page.say(type="get_document_status", documentId="nobody-knows-it")
        unknown = await page.next()
        assert unknown["documentId"] == "nobody-knows-it"
        assert unknown["error"]
        assert "status" not in unknown


async def test_who_has_not_subscribed_hears_nothing_and_users_hear_of_their_own(
    guarded: Node,
) -> None:
    """004-T2: two users and an administrator."""
    async with (
        httpx.AsyncClient(base_url=guarded.url, timeout=60) as http,
        tab(guarded, x_api_key="ana-key") as quiet,
        tab(guarded, x_api_key="ana-key") as ana,
        tab(guarded, x_api_key="ben-key") as ben,
        tab(guarded, x_api_key="root-key") as root,
    ):
        listed = await http.get("/api/ocr/documents?limit=200", headers=ROOT)
        # Who subscribes is told of what other tests have ended lately.
        known = {document["id"] for document in listed.json()["data"]}
        for page in (ana, ben, root):
            await page.subscribe()
        hers = await one(http, "ana-key")
        his = await one(http, "ben-key")
        for page, ids in ((ana, {hers}), (ben, {his}), (root, {hers, his})):
            for document in ids:
                if not any(
                    f.get("documentId") == document
                    for f in page.seen
                    if f.get("status") == "completed"
                ):
                    await page.until(documentId=document, status="completed")
            await page.answered()
            told = {f["documentId"] for f in page.seen if f["type"] == "document_update"}
            assert told - known == ids
        assert [f["type"] for f in await quiet.answered()] == ["connection_established"]
        await ben.say(type="get_document_status", documentId=hers)
        assert "status" not in await ben.until(type="document_status")
        foreign = await http.get(f"/api/ocr/document/{hers}", headers={"X-API-Key": "ben-key"})
        assert foreign.status_code == 404
        assert foreign.json()["success"] is False


async def test_without_credentials_the_socket_is_closed(guarded: Node) -> None:
    async with tab(guarded) as page:
        with pytest.raises(ConnectionClosed):
            await page.next()
        assert page.connection.close_code == 1008


async def test_who_subscribes_late_is_told_what_has_ended(
    node: Node, http: httpx.AsyncClient
) -> None:
    """004-T10: one document_update of it, completed; and 004-T7: one name per thing."""
    document = await one(http)
    await ended(http, document)
    async with tab(node) as page:
        await page.subscribe()
        update = await page.until(type="document_update", documentId=document)
        assert update["status"] == "completed"
        assert set(update) <= NAMES["document_update"]
        again = [f for f in await page.answered() if f.get("documentId") == document]
        assert again == []


async def test_documents_are_listed_by_status_in_pages(node: Node, http: httpx.AsyncClient) -> None:
    """004-06."""
    made = [await one(http) for _ in range(3)]
    for document in made:
        await ended(http, document)
    found: list[str] = []
    cursor = ""
    while True:
        path = f"/api/ocr/documents?status=completed&limit=2&cursor={cursor}"
        page = (await http.get(path)).json()
        found += [entry["id"] for entry in page["data"]]
        assert all(entry["status"] == "completed" for entry in page["data"])
        cursor = page.get("cursor", "")
        if not cursor:
            break
    assert set(made) <= set(found)
    assert len(found) == len(set(found))
    assert (await http.get("/api/ocr/documents?status=unheard")).status_code == 400


async def test_notify_update_stores_and_then_tells(guarded: Node) -> None:
    """004-04 004-09: role sender, one state machine, 409 backwards."""
    body = {"documentId": "card-7", "status": "processing", "processingStatus": "AUTHENTICITY"}
    async with (
        httpx.AsyncClient(base_url=guarded.url, timeout=60) as http,
        tab(guarded, x_api_key="root-key") as root,
    ):
        await root.subscribe()
        document = await one(http, "ana-key")
        await root.until(documentId=document, status="completed")
        path = "/api/ocr/notify-update"
        back = await http.post(
            path, json={**body, "documentId": document}, headers={"X-API-Key": "sender-key"}
        )
        assert back.status_code == 409
        plain = await http.post(path, json=body, headers={"X-API-Key": "ana-key"})
        assert plain.status_code == 403
        unknown = await http.post(path, json=body, headers={"X-API-Key": "sender-key"})
        assert unknown.status_code == 404
        missing = await http.post(path, json={"status": "completed"}, headers=ROOT)
        assert missing.status_code == 400
        assert "documentId" in json.loads(missing.content)["error"]


async def test_a_person_corrects_and_decides_and_it_is_remembered(
    node: Node, http: httpx.AsyncClient
) -> None:
    """docs/contract/ocr.md, decision 8: the status stays, finalDecision changes, author and time are kept."""
    document = await one(http)
    before = await ended(http, document)
    async with tab(node) as page:
        await page.subscribe()
        await page.until(documentId=document)
        answer = await http.post(
            f"/api/ocr/document/{document}/review",
            json={"finalDecision": "REJECTED", "fields": {"nombre": "Ana"}},
        )
        assert answer.status_code == 200, answer.text
        told = await page.until(documentId=document)
    assert told["status"] == before["status"] == "completed"
    assert told["finalDecision"] == "REJECTED"
    assert told["ocrResult"]["fields"]["nombre"] == "Ana"
    history = (await http.get(f"/api/ocr/document/{document}/history")).json()["data"]
    assert history[0]["author"] == "dev"
    assert history[0]["after"]["finalDecision"] == "REJECTED"


async def test_a_document_can_be_taken_away_as_json_csv_and_searchable_pdf(
    http: httpx.AsyncClient,
) -> None:
    document = await one(http)
    await ended(http, document)
    base = f"/api/ocr/document/{document}/export"
    assert (await http.get(f"{base}/json")).json()["pages"][0]["words"]
    assert "documentId" in (await http.get(f"{base}/csv")).text
    made = await http.get(f"{base}/pdf")
    assert made.content.startswith(b"%PDF-")
    [copy] = await uploaded(http, ("copy.pdf", made.content))
    assert "short note" in (await ended(http, copy))["ocrResult"]["extractedText"]


async def test_a_file_is_reached_by_a_link_that_expires(http: httpx.AsyncClient) -> None:
    document = await one(http)
    led = await http.get(f"/api/ocr/public-file/{document}", follow_redirects=False)
    assert led.status_code == 302
    place = led.headers["location"]
    file = await http.get(place)
    assert file.content.startswith(b"%PDF-")
    assert (await http.get(place.replace("expires=", "expires=9"))).status_code == 401
    assert led.headers["access-control-allow-origin"] == "*"
    gone = await http.delete(f"/api/ocr/delete/{document}")
    assert gone.json()["success"] is True
    assert (await http.get(f"/api/ocr/document/{document}")).status_code == 404
    assert (await http.get(place)).status_code == 404
