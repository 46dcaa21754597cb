"""
Models behind an OpenAI-compatible endpoint: embeddings and answers. Ollama, vLLM and the hosted ones all speak it.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import httpx2 as httpx
import msgspec
import numpy

from avance import Secret
from avance.apps.documents.settings import DocumentsSettings
from avance.errors import Unavailable

ANSWER_BYTES_MAX = 67_108_864
CONNECT_TIMEOUT_S = 10.0


class ModelUnavailable(Unavailable):
    code = "model_unavailable"


class _Embedding(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Embeddings(msgspec.Struct):
    data: list[_Embedding]


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = _Delta()


class _Part(msgspec.Struct):
    choices: list[_Choice] = []


async def embed(texts: Sequence[str], settings: DocumentsSettings) -> list[bytes]:
    """
    The unit vectors of some texts, as little-endian 32-bit floats.

    Raises:
        ModelUnavailable: The endpoint does not answer, or answers something else.
    """
    assert settings.embeddings_url is not None
    body = {"model": settings.embeddings_model, "input": list(texts)}
    try:
        async with _client(settings.embeddings_key, settings.llm_timeout_s) as client:
            answer = await client.post(f"{settings.embeddings_url}/embeddings", json=body)
            answer.raise_for_status()
            found = msgspec.json.decode(answer.content, type=_Embeddings).data
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        raise _unavailable("embeddings", settings.embeddings_url, error) from error
    if len(found) != len(texts) or len({len(one.embedding) for one in found}) != 1:
        raise _unavailable("embeddings", settings.embeddings_url, "it answered another number")
    vectors = numpy.asarray(
        [one.embedding for one in sorted(found, key=lambda one: one.index)], dtype="<f4"
    )
    lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
    return [row.tobytes() for row in vectors / numpy.maximum(lengths, 1e-12)]


async def answer(
    messages: Sequence[dict[str, str]], settings: DocumentsSettings
) -> AsyncGenerator[str, None]:
    """
    An answer, piece by piece as the model writes it.

    Raises:
        ModelUnavailable: As for `embed`.
    """
    assert settings.llm_url is not None
    body = {"model": settings.llm_model, "messages": list(messages), "stream": True}
    try:
        async with (
            _client(settings.llm_key, settings.llm_timeout_s) as client,
            client.stream("POST", f"{settings.llm_url}/chat/completions", json=body) as stream,
        ):
            stream.raise_for_status()
            async with aclosing(stream.aiter_lines()) as lines:
                async for line in lines:
                    if piece := _piece(line):
                        yield piece
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        raise _unavailable("model", settings.llm_url, error) from error


def _piece(line: str) -> str:
    if not line.startswith("data:"):
        return ""
    data = line.removeprefix("data:").strip()
    if data == "[DONE]":
        return ""
    choices = msgspec.json.decode(data, type=_Part).choices
    return "" if not choices else choices[0].delta.content or ""


def _client(key: Secret | None, timeout_s: float) -> Any:
    headers = {} if key is None else {"Authorization": f"Bearer {key.reveal()}"}
    timeout = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
    return httpx.AsyncClient(headers=headers, timeout=timeout)


def _unavailable(what: str, url: str, reason: object) -> ModelUnavailable:
    return ModelUnavailable(
        f"the {what} endpoint {url} cannot be used ({reason}); look at its log, or unset it in the settings"
    )
