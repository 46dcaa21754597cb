"""
How texts are cut and passages are taken: docs/contract/uploads.md, 3.2, as parameters of requests.
"""

import json

import httpx2 as httpx
import pytest
from node_service import Node
from semantic_text_splitter import TextSplitter

from avance.apps.documents.text.tokens import MODEL

from .following import frames

SIZES = {"low": (1500, 100), "standard": (1000, 200), "high": (800, 250), "premium": (600, 300)}
BOOK = "\n\n".join(
    f"Capítulo {n}. La lluvia en Sevilla es una pura maravilla, dice el capítulo {n}."
    for n in range(150)
)
LEASES = {
    "a.txt": "The lease of the flat ends in May. Notice is given in writing.",
    "b.txt": "The lease of the flat ends in May; notice is given in writing today.",
    "c.txt": "A lease may be renewed where the tenant asks the court before winter.",
}


async def read(http: httpx.AsyncClient, collection: str, text: str, **more: str) -> list[str]:
    """
    The passages of a text that was uploaded.
    """
    document = {"content": text, "source": "book.txt"}
    body = {"documents": [document], "collection_name": collection, **more}
    answer = await http.post("/initialize", json={**body, "force_recreate": True})
    assert answer.status_code == 200, answer.text
    return await passages(http, collection)


async def passages(http: httpx.AsyncClient, collection: str) -> list[str]:
    told = (await http.get("/ingest/history", params={"collection": collection})).json()
    (document,) = told["documents"]
    whole = (await http.get(f"/documents/{document['id']}")).json()
    return [chunk["text"] for chunk in whole["chunks"]]


async def test_a_preset_says_how_long_passages_are_and_how_much_they_share(
    http: httpx.AsyncClient,
) -> None:
    for preset, (tokens, overlap) in SIZES.items():
        whole = TextSplitter.from_tiktoken_model(MODEL, tokens, overlap).chunks(BOOK)
        assert await read(http, "preset", BOOK, preset=preset) == whole, preset
        if preset == "standard":
            assert await read(http, "preset", BOOK) == whole, "it is what is done without one"
    assert len(whole) > 5


async def test_a_strategy_says_where_texts_and_files_are_cut(http: httpx.AsyncClient) -> None:
    ships = "The ship left the harbour at dawn. The captain steered past the harbour wall. "
    bread = "Bread needs flour and water. The baker kneads flour into dough for bread. "
    both = ships * 4 + bread * 4
    assert await read(http, "cut", both) == [both.strip()]
    found = await read(http, "cut", both, chunking_strategy="semantic")
    assert found == [(ships * 4).strip(), (bread * 4).strip()]
    page = "<h1>One</h1><p>alpha</p><h2>Two</h2><p>beta</p>"
    found = await read(http, "cut", page, chunking_strategy="html")
    assert found == ["<h1>One</h1><p>alpha</p>", "<h2>Two</h2><p>beta</p>"]
    rows = [{"row": n, "text": "La lluvia en Sevilla, una maravilla"} for n in range(100)]
    found = await read(http, "cut", json.dumps(rows), chunking_strategy="json")
    assert len(found) > 1
    assert all(one.startswith('{"row"') for one in found[1:])
    code = "\n\n".join(
        f"@cached\ndef f{n}(x):\n    y = x + {n}\n\n    return y * {n}" for n in range(60)
    )
    form = {"chunking_strategy": "python_code", "collection_name": "code", "preset": "premium"}
    answer = await http.post("/initialize", files={"files": ("a.py", code.encode())}, data=form)
    assert answer.status_code == 200, answer.text
    found = await passages(http, "code")
    assert len(found) > 1
    assert all(one.startswith("@cached") for one in found)


async def test_a_document_that_is_read_anew_is_cut_as_is_asked(
    node: Node, http: httpx.AsyncClient
) -> None:
    await read(http, "anew-cut", BOOK)
    for body, (tokens, overlap) in (({"preset": "premium"}, SIZES["premium"]), ({}, (512, 80))):
        told = (await http.get("/ingest/history", params={"collection": "anew-cut"})).json()
        at = f"/documents/{told['documents'][0]['id']}/reindex"
        job = (await http.post(at, json=body)).json()
        await frames(node.url, f"/ws/jobs/{job['job_id']}")
        whole = TextSplitter.from_tiktoken_model(MODEL, tokens, overlap).chunks(BOOK)
        assert await passages(http, "anew-cut") == whole
    told = (await http.get("/ingest/history", params={"collection": "anew-cut"})).json()
    at = f"/documents/{told['documents'][0]['id']}/reindex"
    refused = await http.post(at, json={"chunking_strategy": "best"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


async def test_a_word_that_is_none_of_the_allowed_ones_is_refused_with_those(
    http: httpx.AsyncClient,
) -> None:
    strategies = ["recursive", "semantic", "markdown", "html", "python_code", "json"]
    for field, allowed in (
        ("preset", list(SIZES)),
        ("chunking_strategy", strategies),
        ("on_duplicate", ["skip", "replace", "keep"]),
    ):
        body = {"documents": [{"content": "x"}], field: "best"}
        as_json = await http.post("/upload", json=body)
        as_form = await http.post("/upload", files={"files": ("a.txt", b"x")}, data={field: "best"})
        for answer in (as_json, as_form):
            told = answer.json()
            assert (answer.status_code, told["error"]) == (422, "invalid_request"), answer.text
            assert f"{field} is 'best'; use one of: {', '.join(allowed)}" in told["detail"]
    for path, body in (
        ("/search", {"query": "x"}),
        ("/question", {"question": "x"}),
        ("/query", {"query": "x"}),
    ):
        answer = await http.post(path, json={**body, "retrieval": "best"})
        assert answer.status_code == 422
        assert "use one of: similarity, mmr" in answer.json()["detail"]


async def test_each_passage_says_what_it_is_about(http: httpx.AsyncClient) -> None:
    """
    From its first thousand characters: the last sentence here is beyond them.
    """
    text = (
        "El contrato con el Banco de España fue un éxito. El contrato del alquiler vence el 2026-03-01. "
        + "El contrato se firma en el puerto. " * 30
        + "Hubo retraso, multa, fraude y averías con Mercadona."
    )
    await read(http, "about", text)
    told = (await http.get("/ingest/history", params={"collection": "about"})).json()
    whole = (await http.get(f"/documents/{told['documents'][0]['id']}")).json()
    (chunk,) = whole["chunks"]
    assert chunk["summary"] == "El contrato con el Banco de España fue un éxito."
    assert chunk["topic"] == chunk["keywords"][0]
    assert "contrato" in chunk["topic"]
    assert 5 <= len(chunk["keywords"]) <= 10
    assert (chunk["complexity"], chunk["sentiment"]) == ("easy", "positive")
    assert chunk["entities"] == [
        {"kind": "name", "text": "Banco de España"},
        {"kind": "date", "text": "2026-03-01"},
    ]


async def ask_varied(http: httpx.AsyncClient) -> None:
    """
    What is asked of passages that repeat each other, wherever the words are kept.
    """
    documents = [{"content": text, "source": name} for name, text in LEASES.items()]
    body = {"documents": documents, "collection_name": "leases"}
    assert (await http.post("/initialize", json=body)).status_code == 200
    asked = {"k": 2, "collection_name": "leases"}

    async def found(retrieval: str | None) -> set[str]:
        more = {} if retrieval is None else {"retrieval": retrieval}
        search = await http.post("/search", json={"query": "lease ends", **asked, **more})
        question = await http.post("/question", json={"question": "lease ends", **asked, **more})
        by_address = {"query": "lease ends", "collection": "leases", "top_k": "2", **more}
        told = (await http.get("/query", params=by_address)).json()
        assert told["metadata"]["retrieval"] == (retrieval or "similarity")
        sources = {one["source"] for one in search.json()["documents"]}
        assert sources == set(question.json()["sources"])
        assert sources == {one["source"] for one in told["sources"]}
        return sources

    assert await found("similarity") == {"a.txt", "b.txt"}
    assert await found(None) == {"a.txt", "b.txt"}
    varied = await found("mmr")
    assert "c.txt" in varied
    assert len(varied) == 2


async def test_passages_that_repeat_each_other_make_room_for_another(
    http: httpx.AsyncClient,
) -> None:
    await ask_varied(http)


@pytest.mark.parametrize("k", [1, 3, 40])
async def test_as_many_passages_are_taken_as_are_asked_for_and_there(
    http: httpx.AsyncClient, k: int
) -> None:
    text = "\n\n".join(f"Harbour {n}: " + "a ship and its captain. " * 40 for n in range(30))
    await read(http, "harbours", text, preset="premium")
    body = {"query": "harbour", "collection_name": "harbours", "k": k, "retrieval": "mmr"}
    told = (await http.post("/search", json=body)).json()
    places = [one["content"] for one in told["documents"]]
    assert len(places) == len(set(places)) == min(k, len(await passages(http, "harbours")))
