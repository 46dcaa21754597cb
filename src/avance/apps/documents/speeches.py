"""
How endpoints of models are asked and answer. The OpenAI-compatible way is spoken by vLLM, Ollama and the hosted ones; Ollama has a way of its own too.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from avance.apps.documents.settings import ModelApi

DATA = "data:"
DONE = "[DONE]"


class ModelFailed(Exception):
    """
    The endpoint began to answer, and then said that it cannot.
    """


class Speech(ABC):
    embed_path: ClassVar[str]
    chat_path: ClassVar[str]

    @abstractmethod
    def vectors(self, body: bytes) -> Sequence[Sequence[float]]:
        """
        Those of an answer, in the order of the texts.

        Raises:
            MsgspecError: It is another answer.
        """

    @abstractmethod
    def piece(self, line: str) -> str:
        """
        What a line of a stream adds to the answer; empty for those that add nothing.

        Raises:
            MsgspecError: It is another stream.
            ModelFailed: The model gave up.
        """


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


class OpenAi(Speech):
    embed_path = "/embeddings"
    chat_path = "/chat/completions"

    def vectors(self, body: bytes) -> Sequence[Sequence[float]]:
        found = msgspec.json.decode(body, type=_Embeddings).data
        return [one.embedding for one in sorted(found, key=lambda one: one.index)]

    def piece(self, line: str) -> str:
        if not line.startswith(DATA):
            return ""
        data = line.removeprefix(DATA).strip()
        if data == DONE:
            return ""
        choices = msgspec.json.decode(data, type=_Part).choices
        return "" if not choices else choices[0].delta.content or ""


class _Embedded(msgspec.Struct):
    embeddings: list[list[float]]


class _Message(msgspec.Struct, frozen=True):
    content: str = ""


class _Line(msgspec.Struct):
    message: _Message = _Message()
    error: str | None = None


class Ollama(Speech):
    embed_path = "/api/embed"
    chat_path = "/api/chat"

    def vectors(self, body: bytes) -> Sequence[Sequence[float]]:
        return msgspec.json.decode(body, type=_Embedded).embeddings

    def piece(self, line: str) -> str:
        if not line.strip():
            return ""
        told = msgspec.json.decode(line, type=_Line)
        # Its status is 200 by then, so it says so in the stream.
        if told.error is not None:
            raise ModelFailed(told.error)
        return told.message.content


SPEECHES: Mapping[ModelApi, Speech] = {ModelApi.OPENAI: OpenAi(), ModelApi.OLLAMA: Ollama()}
