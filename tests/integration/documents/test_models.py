"""
Answers and embeddings by configured endpoints, here a small real server of the same protocol.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import numpy
import pytest
from msgspec.structs import replace
from node_service import Node

from avance.apps.documents.endpoints import ModelUnavailable, answer, embed
from avance.apps.documents.endpoints import answering as answering_of
from avance.apps.documents.settings import Dimensions, DocumentsSettings, ModelApi

from .following import frames
from .models import LETTERS, UNKNOWN, Models, serving
from .test_collections import rename_one
from .test_parameters import ask_varied

Serve = Callable[..., Node]
CALLS_A_MINUTE = 10
TRAIN = "El tren a Vigo sale a las siete de la tarde."


@pytest.fixture(scope="module")
def serving_models() -> Iterator[Models]:
    with serving() as models:
        yield models


@pytest.fixture
def models(serving_models: Models) -> Iterator[Models]:
    serving_models.asked.clear()
    serving_models.keys.clear()
    serving_models.dimensions = len(LETTERS)
    yield serving_models
    serving_models.is_away = serving_models.gives_up = serving_models.is_sizable = False
    serving_models.gate.set()


@pytest.fixture(scope="module")
def answering(serving_models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """
    It has a model that answers, by the bare names of the contract, and may ask it ten times a minute, which is the default.
    """
    folder = tmp_path_factory.mktemp("answering")
    env = {
        "QA_PROVIDER": "openai",
        "OPENAI_BASE_URL": serving_models.url,
        "OPENAI_API_KEY": "a key",
        "OPENAI_MODEL": "tiny",
        "RATE_LIMIT_RPM": str(CALLS_A_MINUTE),
    }
    with Node("", folder, folder / "data", env=env) as node:
        yield node


async def ingest(node: Node, text: str, name: str = "a.txt", **fields: str) -> list[dict]:
    async with httpx.AsyncClient(base_url=node.url, timeout=30) as http:
        files = {"file": (name, text.encode())}
        job = (await http.post("/ingest", files=files, data=fields)).json()
    said, _ = await frames(node.url, f"/ws/jobs/{job['job_id']}")
    return said


async def test_a_model_answers_from_the_passages_that_were_found(
    answering: Node, models: Models
) -> None:
    await ingest(answering, TRAIN)
    async with httpx.AsyncClient(base_url=answering.url, timeout=30) as http:
        answer = (await http.post("/query", json={"query": "¿a qué hora sale el tren?"})).json()
        nothing = (await http.post("/query", json={"query": "zeppelin"})).json()
    assert answer["answer"] == "Siete de la tarde [1]"
    assert answer["metadata"]["model"] == "tiny"
    assert TRAIN in models.asked[0]["messages"][-1]["content"]
    assert models.keys == ["Bearer a key"]
    # What no passage speaks of is not asked for: a model would make it up.
    assert nothing["answer"].startswith("Los documentos no contienen nada")
    assert len(models.asked) == 1


async def test_the_same_question_over_the_same_passages_is_answered_from_memory(
    answering: Node, models: Models
) -> None:
    """
    As long as `CACHE_TTL` says; another passage is another question.
    """
    await ingest(answering, TRAIN, collection="kept")
    asked = {"query": "¿cuándo sale el tren a Vigo?", "collection": "kept"}
    async with httpx.AsyncClient(base_url=answering.url, timeout=30) as http:
        first, again = [(await http.post("/query", json=asked)).json() for _ in range(2)]
        assert len(models.asked) == 1
        assert (again["answer"], again["sources"]) == (first["answer"], first["sources"])
        await ingest(answering, "El tren a Vigo sale a las ocho.", "b.txt", collection="kept")
        await http.post("/query", json=asked)
    assert len(models.asked) == 2


async def test_an_answer_is_streamed_and_a_cancel_ends_the_writing(
    answering: Node, models: Models
) -> None:
    await ingest(answering, TRAIN)
    models.gate.clear()
    async with httpx.AsyncClient(base_url=answering.url, timeout=30) as http:
        submit = {"task": "documents.ask", "params": {"question": "¿cuándo sale el tren?"}}
        job = (await http.post("/v1/jobs", json=submit)).json()
        tokens: list[str] = []
        seq = 0
        while len(tokens) < 2:
            page = await http.get(
                f"/v1/jobs/{job['id']}/events", params={"since": seq, "wait_s": 5}
            )
            for event in page.json()["events"]:
                seq = event["seq"]
                if event["type"] == "data" and event["name"] == "tokens":
                    tokens.append(event["chunk"])
        cancelled = await http.post(f"/v1/jobs/{job['id']}/cancel")
        models.gate.set()
    assert tokens == ["Siete ", "de "]
    assert cancelled.json()["state"] == "cancelled"


async def test_a_model_that_is_away_is_said_and_the_passages_are_not_lost(
    answering: Node, models: Models
) -> None:
    await ingest(answering, TRAIN)
    models.is_away = True
    async with httpx.AsyncClient(base_url=answering.url, timeout=30) as http:
        answer = await http.post("/query", json={"query": "tren"})
        found = await http.post("/search", json={"query": "tren", "collection_name": "documents"})
    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    assert found.json()["count"] == 1


async def test_a_model_is_not_asked_more_often_than_is_set(answering: Node, models: Models) -> None:
    """
    003-T15: the limit of the provider is told with 429, and nothing waits inside the server. Last of those that ask this one.
    """
    await ingest(answering, TRAIN)
    async with httpx.AsyncClient(base_url=answering.url, timeout=30) as http:
        for number in range(CALLS_A_MINUTE + 1):
            refused = await http.post("/query", json={"query": f"tren {number}"})
            if refused.status_code != 200:
                break
        health = await http.get("/health")
    assert (refused.status_code, health.status_code) == (429, 200)
    assert int(refused.headers["retry-after"]) > 0


@pytest.mark.parametrize("place", ["store", "qdrant", "edge"])
async def test_vectors_live_in_the_store_in_qdrant_or_in_the_process(
    serve: Serve, models: Models, tmp_path: Path, place: str
) -> None:
    """
    What is removed or read anew is found as often as it is there, wherever its vectors are, and passages that repeat each other make room for
    another. They find what words do not, and two models are not mixed. Qdrant here is its client's local mode.
    """
    env = {
        "store": {},
        "qdrant": {"QDRANT_URL": f"file:{tmp_path}/qdrant"},
        "edge": {"AVANCE_DOCUMENTS_IS_QDRANT_EDGE": "true"},
    }[place]
    node = serve(AVANCE_DOCUMENTS_EMBEDDINGS_URL=models.url, **env)
    for name, text in (("z.txt", "zzz zz zzzz zz"), ("a.txt", "aaa bbb"), ("q.txt", "qqq q")):
        assert (await ingest(node, text, name=name))[-1]["status"] == "completed"
    async with httpx.AsyncClient(base_url=node.url, timeout=30) as http:

        async def found() -> list[str]:
            answer = (await http.post("/query", json={"query": "zzzzzzzz", "top_k": 9})).json()
            assert answer["metadata"]["ranking"] == "hybrid"
            return [one["source"] for one in answer["sources"]]

        # No word of the question is in it.
        assert (await found())[0] == "z.txt"
        (shelf,) = (await http.get("/collections")).json()["collections"]
        model = (shelf["embedding_model"], shelf["dimensions"])
        assert model == ("nomic-embed-text", models.dimensions)
        history = (await http.get("/ingest/history")).json()["documents"]
        ids = {one["filename"]: one["id"] for one in history}
        job = (await http.post(f"/documents/{ids['z.txt']}/reindex")).json()
        await frames(node.url, f"/ws/jobs/{job['job_id']}")
        assert sorted(await found()) == ["a.txt", "q.txt", "z.txt"]
        await http.delete(f"/documents/{ids['a.txt']}")
        assert sorted(await found()) == ["q.txt", "z.txt"]
        await http.delete("/collection/documents")
        assert (await http.post("/query", json={"query": "zz"})).json()["sources"] == []
        await http.post("/collections", json={"name": "varied"})
        for name, text in (("one.txt", "zzz a"), ("two.txt", "zzzzzz aa"), ("three.txt", "aaaa z")):
            await ingest(node, text, name=name, collection="varied")
        ask = {"query": "zz aa", "collection": "varied", "top_k": 2}
        near = (await http.post("/query", json=ask)).json()["sources"]
        assert {one["source"] for one in near} == {"one.txt", "two.txt"}
        varied = (await http.post("/query", json={**ask, "retrieval": "mmr"})).json()["sources"]
        assert "three.txt" in [one["source"] for one in varied]
        assert len(varied) == 2
    models.dimensions = 10
    said = await ingest(node, "a text with fewer numbers", name="c.txt", collection="varied")
    assert said[-1]["status"] == "failed"
    assert "has vectors of another model" in said[-1]["error"]


@pytest.fixture
def ollama(models: Models) -> DocumentsSettings:
    base = models.url.removesuffix("/v1")
    return DocumentsSettings(
        models_api=ModelApi.OLLAMA, llm_url=base, embeddings_url=base, embeddings_model="bge-m3"
    )


async def test_ollama_is_asked_in_its_own_way_too(
    models: Models, ollama: DocumentsSettings
) -> None:
    """
    Against a double of its `/api/embed` and `/api/chat`, which is no Ollama.
    """
    vectors = await embed(["aaa", "zzz"], ollama)
    numbers = [numpy.frombuffer(one, dtype="<f4") for one in vectors]
    assert [int(one.argmax()) for one in numbers] == [0, 25]
    assert [float(numpy.linalg.norm(one)) for one in numbers] == pytest.approx([1.0, 1.0])
    asked = [{"role": "user", "content": "¿Cuándo sale el tren?"}]
    assert [piece async for piece in answer(asked, answering_of(ollama), ollama)] == [
        *("Siete ", "de ", "la ", "tarde ", "[1]")
    ]
    sent = models.asked[-1]
    assert (sent["messages"], sent["stream"], sent["model"]) == (asked, True, "llama3.2")


async def test_a_model_is_asked_for_so_many_numbers_and_gives_no_others(models: Models) -> None:
    wanted = DocumentsSettings(embeddings_url=models.url, embeddings_dimensions=Dimensions.D512)
    with pytest.raises(ModelUnavailable, match="vectors of 26 numbers, not 512"):
        await embed(["aaa"], wanted)
    models.is_sizable = True
    (vector,) = await embed(["aaa"], wanted)
    assert (models.asked[-1]["dimensions"], len(vector)) == (512, 4 * 512)


async def test_what_ollama_cannot_do_is_said_with_its_reason(
    models: Models, ollama: DocumentsSettings
) -> None:
    with pytest.raises(ModelUnavailable, match="404"):
        await embed(["a"], replace(ollama, embeddings_model=UNKNOWN))
    models.gives_up = True
    told = []

    async def listen() -> None:
        question = [{"role": "user", "content": "?"}]
        async for piece in answer(question, answering_of(ollama), ollama):
            told.append(piece)  # noqa: PERF401 - what came before the end counts

    with pytest.raises(ModelUnavailable, match="out of memory"):
        await listen()
    assert len(told) == 5


async def test_redis_hears_the_frames_of_the_contract(serve: Serve, redis_url: str) -> None:
    """
    000-02, 000-12: `PSUBSCRIBE job:*` shows the messages during an upload, with the bare name REDIS_URL.
    """
    from redis.asyncio import Redis  # noqa: PLC0415

    node = serve(REDIS_URL=redis_url)
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as listening:
        await listening.psubscribe("job:*")
        said = await ingest(node, TRAIN)
        heard = []
        async for message in listening.listen():
            if message["type"] == "pmessage":
                heard.append(json.loads(message["data"]))
                if heard[-1]["status"] == "completed":
                    break
    job_id = said[0]["job_id"]
    assert message["channel"] == f"job:{job_id}".encode()
    steps = [(one["status"], one.get("step")) for one in heard]
    assert steps == [
        ("queued", None),
        ("processing", None),
        ("processing", "parsing"),
        ("processing", "indexing"),
        ("completed", None),
    ]
    assert heard[-1]["chunks"] == 1


async def test_documents_live_on_postgres_too(serve: Serve, postgres_url: str) -> None:
    """
    The same words find the same passages with the tables in PostgreSQL; two servers on it show the same upload (003-T16). A collection is
    renamed there as well.
    """
    first = serve(AVANCE_STORE=postgres_url, data="shared")
    second = serve(AVANCE_STORE=postgres_url, data="shared")
    async with (
        httpx.AsyncClient(base_url=first.url, timeout=30) as here,
        httpx.AsyncClient(base_url=second.url, timeout=30) as there,
    ):
        files = {"file": ("tren.txt", TRAIN.encode())}
        job = (await here.post("/ingest", files=files)).json()
        said, code = await frames(first.url, f"/ws/jobs/{job['job_id']}")
        assert (said[-1].get("error"), said[-1]["status"], code) == (None, "completed", 1000)
        again, _ = await frames(second.url, f"/ws/jobs/{job['job_id']}")
        assert again == said
        answer = (await there.post("/query", json={"query": "¿Cuándo salen los trenes?"})).json()
        assert [one["source"] for one in answer["sources"]] == ["tren.txt"]
        history = (await there.get("/ingest/history")).json()
        await there.delete(f"/documents/{history['documents'][0]['id']}")
        assert (await here.get("/ingest/history")).json()["total"] == 0
        await rename_one(there, second)
        await ask_varied(there)
