"""
Models behind an endpoint: embeddings and answers.
"""

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import cache
from typing import Any

import httpx2 as httpx
import msgspec
import numpy
from anyio import to_thread

from avance import Secret
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.speeches import SPEECHES, ModelFailed
from avance.errors import Unavailable

ANSWER_BYTES_MAX = 67_108_864
CONNECT_TIMEOUT_S = 10.0


class ModelUnavailable(Unavailable):
    code = "model_unavailable"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """
    A model that writes.
    """

    url: str
    model: str
    key: Secret | None = None


def answering(settings: DocumentsSettings) -> Endpoint:
    """
    The one that answers questions.
    """
    assert settings.llm_url is not None
    return Endpoint(url=settings.llm_url, model=settings.llm_model, key=settings.llm_key)


async def embed(texts: Sequence[str], settings: DocumentsSettings) -> list[bytes]:
    """
    The unit vectors of some texts, as little-endian 32-bit floats.

    Raises:
        ModelUnavailable: The endpoint does not answer, or answers something else.
    """
    assert settings.embeddings_url is not None
    speech = SPEECHES[settings.models_api]
    body: dict[str, Any] = {"model": settings.embeddings_model, "input": list(texts)}
    if settings.embeddings_dimensions is not None:
        body["dimensions"] = int(settings.embeddings_dimensions)
    try:
        async with await _client(settings.embeddings_key, settings.llm_timeout_s) as client:
            answer = await client.post(f"{settings.embeddings_url}{speech.embed_path}", json=body)
            answer.raise_for_status()
            found = speech.vectors(answer.content)
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        raise _unavailable("embeddings", settings.embeddings_url, error) from error
    if len(found) != len(texts) or len({len(one) for one in found}) != 1:
        raise _unavailable("embeddings", settings.embeddings_url, "it answered another number")
    asked = settings.embeddings_dimensions
    if asked is not None and len(found[0]) != asked:
        raise _unavailable(
            "embeddings",
            settings.embeddings_url,
            f"{settings.embeddings_model} gives vectors of {len(found[0])} numbers, not {asked.value}; unset embeddings_dimensions, or take another model",
        )
    vectors = numpy.asarray(found, dtype="<f4")
    lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
    return [row.tobytes() for row in vectors / numpy.maximum(lengths, 1e-12)]


async def answer(
    messages: Sequence[dict[str, str]], endpoint: Endpoint, settings: DocumentsSettings
) -> AsyncGenerator[str, None]:
    """
    An answer, piece by piece as the model writes it.

    Raises:
        ModelUnavailable: As for `embed`.
    """
    speech = SPEECHES[settings.models_api]
    body = {"model": endpoint.model, "messages": list(messages), "stream": True}
    try:
        async with (
            await _client(endpoint.key, settings.llm_timeout_s) as client,
            client.stream("POST", f"{endpoint.url}{speech.chat_path}", json=body) as stream,
        ):
            stream.raise_for_status()
            async with aclosing(stream.aiter_lines()) as lines:
                async for line in lines:
                    if piece := speech.piece(line):
                        yield piece
    except (httpx.HTTPError, msgspec.MsgspecError, ModelFailed) as error:
        raise _unavailable("model", endpoint.url, error) from error


async def _client(key: Secret | None, timeout_s: float) -> Any:
    headers = {} if key is None else {"Authorization": f"Bearer {key.reveal()}"}
    timeout = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
    # Reading the authorities takes longer than the loop may stand still.
    trust = await to_thread.run_sync(_trust)
    return httpx.AsyncClient(headers=headers, timeout=timeout, verify=trust)


@cache
def _trust() -> ssl.SSLContext:
    context: ssl.SSLContext = httpx.create_ssl_context()
    return context


def _unavailable(what: str, url: str, reason: object) -> ModelUnavailable:
    return ModelUnavailable(
        f"the {what} endpoint {url} cannot be used ({reason}); look at its log, or unset it in the settings"
    )
