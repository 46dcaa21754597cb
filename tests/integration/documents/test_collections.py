"""
Collections that are made before anything is in them, and that change their names.
"""

import base64

import httpx2 as httpx
from node_service import Node

from .following import frames


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


async def rename_one(http: httpx.AsyncClient, node: Node) -> None:
    """
    What is asked of a renamed collection, wherever its tables are.
    """
    text = {"content": "La tasa del puerto se paga en marzo.", "source": "puerto.txt"}
    body = {"documents": [text], "collection_name": "harbour"}
    assert (await http.post("/initialize", json=body)).json()["total_documents"] == 1
    batch = {"name": "ships", "collection_name": "harbour"}
    batch_id = (await http.post("/batch/create", json=batch)).json()["batch_id"]
    parts = (b"harbour", b"ship.txt")
    of_tus = [base64.b64encode(part).decode() for part in parts]
    announced = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "14",
        "Upload-Metadata": f"collection {of_tus[0]},filename {of_tus[1]}",
    }
    arriving = await http.post("/uploads/tus", headers=announced)
    assert arriving.status_code == 201
    await http.patch("/collections/harbour", json={"hybrid_weight": 0.7, "is_shared": True})

    told = (await http.patch("/collections/harbour", json={"name": "puerto"})).json()
    assert (told["name"], told["documents"], told["chunks"]) == ("puerto", 1, 1)
    assert (told["hybrid_weight"], told["is_shared"], told["is_own"]) == (0.7, True, True)

    async def found(name: str) -> list[str]:
        asked = {"query": "tasa", "collection": name}
        told = (await http.post("/query", json=asked)).json()
        return [one["source"] for one in told["sources"]]

    assert (await found("puerto"), await found("harbour")) == (["puerto.txt"], [])
    # What was begun under the old name goes into the same collection, and makes no other.
    ship = {"files": ("boat.txt", b"A boat with red sails")}
    (sent,) = (await http.post(f"/batch/{batch_id}/upload", files=ship)).json()
    await frames(node.url, f"/ws/jobs/{sent['job_id']}")
    part = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    at = arriving.headers["location"]
    arrived = await http.patch(at, headers=part, content=b"a ship at noon")
    assert arrived.status_code == 204, arrived.text
    said, _ = await frames(node.url, f"/ws/jobs/{at.rpartition('/')[2]}")
    assert said[-1]["status"] == "completed"
    kept = (await http.get("/ingest/history", params={"collection": "puerto"})).json()["documents"]
    assert {one["filename"] for one in kept} == {"puerto.txt", "boat.txt", "ship.txt"}
    shelves = (await http.get("/collections")).json()["collections"]
    assert "harbour" not in [one["name"] for one in shelves]
    # Its old name is free, and a name that is taken is refused with all that came along.
    await http.post("/collections", json={"name": "harbour"})
    taken = {"name": "puerto", "hybrid_weight": 0.1}
    refused = await http.patch("/collections/harbour", json=taken)
    assert (refused.status_code, refused.json()["code"]) == (409, "collection_exists")
    shelves = (await http.get("/collections")).json()["collections"]
    (free,) = [one for one in shelves if one["name"] == "harbour"]
    assert (free["documents"], free["hybrid_weight"]) == (0, 0.3)


async def test_a_renamed_collection_keeps_all_that_it_has_and_what_is_on_its_way(
    node: Node, http: httpx.AsyncClient
) -> None:
    await rename_one(http, node)
    for name in ("", "../other", "dos palabras", "x" * 64):
        answer = await http.patch("/collections/puerto", json={"name": name})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), name
    same = await http.patch("/collections/puerto", json={"name": "puerto"})
    assert (same.status_code, same.json()["documents"]) == (200, 3)


async def test_only_its_owner_renames_a_collection(guarded: Node) -> None:
    root, ben = {"X-API-Key": "root-key"}, {"X-API-Key": "ben-key"}
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as http:
        await http.post("/collections", json={"name": "mine"}, headers=root)
        hidden = await http.patch("/collections/mine", json={"name": "his"}, headers=ben)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "collection_not_found")
        await http.patch("/collections/mine", json={"is_shared": True}, headers=root)
        shared = await http.patch("/collections/mine", json={"name": "his"}, headers=ben)
        assert (shared.status_code, shared.json()["code"]) == (403, "permission_denied")
        # The names of others are not in the way.
        await http.post("/collections", json={"name": "ours"}, headers=ben)
        told = (await http.patch("/collections/mine", json={"name": "ours"}, headers=root)).json()
        assert (told["name"], told["is_own"]) == ("ours", True)
        await http.delete("/collection/ours", headers=root)
