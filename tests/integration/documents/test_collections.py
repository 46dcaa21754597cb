"""
Collections that are made before anything is in them.
"""

import httpx2 as httpx


async def test_a_collection_is_made_empty_once_and_is_there_until_it_is_deleted(
    http: httpx.AsyncClient,
) -> None:
    told = (await http.post("/collections", json={"name": "made-empty"})).json()
    assert (told["name"], told["documents"], told["is_own"]) == ("made-empty", 0, True)
    changed = await http.patch("/collections/made-empty", json={"hybrid_weight": 0.5})
    assert changed.status_code == 200
    again = (await http.post("/collections", json={"name": "made-empty"})).json()
    assert again["hybrid_weight"] == 0.5, "one that is there stays as it is"
    ask = {"query": "pienso", "collection": "made-empty"}
    assert (await http.post("/query", json=ask)).json()["sources"] == []
    assert (await http.delete("/collection/made-empty")).json()["deleted_count"] == 0
    shelves = (await http.get("/collections")).json()["collections"]
    assert "made-empty" not in [one["name"] for one in shelves]


async def test_a_name_that_no_collection_may_have_is_refused(http: httpx.AsyncClient) -> None:
    for name in ("", "../other", "dos palabras", "x" * 64):
        answer = await http.post("/collections", json={"name": name})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), name
