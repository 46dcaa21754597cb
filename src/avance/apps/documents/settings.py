from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar

import msgspec

from avance import Secret
from avance.apps.documents.model import Retrieval
from avance.apps.documents.text.strategies import Preset, Strategy
from avance.errors import ConfigError


class ModelApi(StrEnum):
    """
    What the endpoints of models speak.
    """

    OPENAI = "openai"
    OLLAMA = "ollama"


class Provider(StrEnum):
    """
    Hosted models that are known by name.
    """

    OPENAI = "openai"
    GEMINI = "gemini"


LLM_MODEL, EMBEDDINGS_MODEL = "llama3.2", "nomic-embed-text"
"""Of Ollama."""
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta/openai"
"""Where Gemini speaks as OpenAI does."""


class Dimensions(IntEnum):
    """
    Those that the contracts know.
    """

    D256 = 256
    D512 = 512
    D768 = 768
    D1536 = 1_536
    D3072 = 3_072


class DocumentsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    What reads, finds and answers.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "USE_ASYNC_INGESTION": "is_async",
        "RAG_CHUNK_SIZE": "upload_chunk_tokens",
        "RAG_CHUNK_OVERLAP": "upload_overlap_tokens",
        "RAG_RETRIEVER_K": "passages",
        "CHUNKING_STRATEGY": "upload_strategy",
        "QDRANT_COLLECTION_NAME": "upload_collection",
        "RATE_LIMIT_RPM": "llm_calls_per_minute",
        "CACHE_TTL": "answers_ttl_s",
        "EMBEDDING_MODEL": "embeddings_model",
        "EMBEDDING_DIMENSIONS": "embeddings_dimensions",
        "QA_PROVIDER": "llm_provider",
        "EMBEDDINGS_PROVIDER": "embeddings_provider",
        "METADATA_PROVIDER": "metadata_provider",
        "OPENAI_API_KEY": "openai_key",
        "OPENAI_BASE_URL": "openai_url",
        "OPENAI_MODEL": "openai_model",
        "GEMINI_API_KEY": "gemini_key",
        "GEMINI_MODEL": "gemini_model",
        "QDRANT_URL": "qdrant_url",
        "QDRANT_CLUSTER_ENDPOINT": "qdrant_url",
        "QDRANT_API_KEY": "qdrant_key",
    }

    is_async: bool = True
    """`POST /ingest` answers with a job id at once; otherwise with the result."""
    rq_queue: str = ""
    """The queue of RQ (`module:queue`) whose workers read the files of `POST /ingest`, on the same store and files as the servers; without one, the workers of avance do."""
    file_bytes_max: Annotated[int, msgspec.Meta(ge=1)] = 52_428_800
    """A larger file is refused."""
    direct_bytes_max: Annotated[int, msgspec.Meta(ge=1)] = 524_288_000
    """Likewise for one that goes straight into the bucket, where files are kept in S3."""
    upload_bytes_max: Annotated[int, msgspec.Meta(ge=1)] = 524_288_000
    """All files of one upload together."""
    arrival_s: Annotated[float, msgspec.Meta(gt=0)] = 86_400.0
    """A resumable upload that has not arrived by then is forgotten."""
    arriving_bytes_max: Annotated[int, msgspec.Meta(ge=1)] = 2_147_483_648
    """All unfinished resumable uploads of one user together, at their announced sizes."""
    reading_s_max: Annotated[float, msgspec.Meta(gt=0)] = 86_400.0
    """How long reading may take after the last byte, before the upload counts as expired."""
    failed_files_s: Annotated[float, msgspec.Meta(gt=0)] = 604_800.0
    """The file of a job that failed is kept so long for another try."""
    upload_files_max: Annotated[int, msgspec.Meta(ge=1)] = 1_000
    """Files or documents of one upload."""
    github_url: str = "https://codeload.github.com"
    """Where the archives of public repositories are fetched for `POST /batch/{id}/github`; `none`: nothing is fetched."""
    github_bytes_max: Annotated[int, msgspec.Meta(ge=1)] = 104_857_600
    """A repository whose archive is larger is refused."""
    github_s_max: Annotated[float, msgspec.Meta(gt=0)] = 600.0
    """So long fetching it may take."""
    collection: str = "documents"
    """Where `POST /ingest` puts documents."""
    upload_collection: str = "rag_documents"
    """Where `POST /upload` puts them, and what is asked, if nothing else is named."""
    chunk_tokens: Annotated[int, msgspec.Meta(ge=16, le=8_192)] = 512
    """Size of a passage of `POST /ingest`."""
    overlap_tokens: Annotated[int, msgspec.Meta(ge=0, le=500)] = 80
    """What two passages that follow each other have in common."""
    upload_chunk_tokens: Annotated[int, msgspec.Meta(ge=16, le=8_192)] = 1_000
    """Size of a passage of `POST /upload`."""
    upload_overlap_tokens: Annotated[int, msgspec.Meta(ge=0, le=500)] = 200
    """Likewise."""
    upload_preset: Preset | None = None
    """Sizes of the passages of `POST /upload` by name, instead of the two above: `low` (1500 and 100 in common), `standard` (1000, 200), `high` (800, 250) or `premium` (600, 300)."""
    upload_strategy: Strategy = Strategy.RECURSIVE
    """Where the texts of `POST /upload` are cut: `recursive`, `semantic`, `markdown`, `html`, `python_code` or `json`."""
    retrieval: Retrieval = Retrieval.SIMILARITY
    """Which passages are taken, if the question does not say: `similarity` is the best ones, `mmr` good ones that do not repeat each other."""
    mmr_candidates: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    """Among so many of the best passages `mmr` chooses."""
    mmr_lambda: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """What it counts that a passage fits the question; the rest is that it is unlike those already chosen."""
    passages: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    """How many passages an answer rests on, if the question does not say."""
    scan_languages: str = "spa+eng"
    """In which languages Tesseract reads pages that are pictures, where the extra `ocr` is installed; `none`: they are not read."""
    tessdata: str | None = None
    """The folder of its languages; by default the usual places are tried."""
    models_api: ModelApi = ModelApi.OPENAI
    """What both endpoints speak: `openai`, or `ollama` for its own interface, whose address has no `/v1`."""
    llm_url: str | None = None
    """An OpenAI-compatible endpoint, such as `http://127.0.0.1:11434/v1` of Ollama; without one, the best passages are the answer."""
    llm_provider: Provider | None = None
    """A hosted model that answers, instead of the address and the key: `openai` or `gemini`. Its key and its model are to be set with it."""
    llm_model: str = LLM_MODEL
    """The model that answers."""
    llm_key: Secret | None = None
    """Its API key."""
    llm_timeout_s: float = 120.0
    """The longest silence of the model."""
    llm_calls_per_minute: Annotated[int, msgspec.Meta(ge=1)] = 10
    """Calls to the model, by everybody together; further questions are answered 429."""
    answers_ttl_s: Annotated[float, msgspec.Meta(ge=0)] = 3_600.0
    """So long an answer of the model is given again to the same question over the same passages, by the process that got it; 0: never."""
    metadata_url: str | None = None
    """An endpoint whose model writes summary, topic and keywords of passages while they are read; without one they come from the text alone."""
    metadata_provider: Provider | None = None
    """Likewise: `openai` or `gemini`, with its key and its model."""
    metadata_model: str = LLM_MODEL
    """The model that does."""
    metadata_key: Secret | None = None
    """Its API key."""
    embeddings_url: str | None = None
    """An OpenAI-compatible endpoint for embeddings; without one, search is by words. Take a multilingual model."""
    embeddings_provider: Provider | None = None
    """Likewise for embeddings: `openai` or `gemini`, with `embeddings_model`."""
    embeddings_model: str = EMBEDDINGS_MODEL
    """The model; a collection keeps the one that it began with."""
    embeddings_dimensions: Dimensions | None = None
    """How many numbers a vector has, of a model that can be asked for several: 256, 512, 768, 1536 or 3072. Without it, as many as the model gives."""
    embeddings_key: Secret | None = None
    """Its API key."""
    embeddings_batch: Annotated[int, msgspec.Meta(ge=1, le=2_048)] = 100
    """Passages in one call."""
    openai_url: str = "https://api.openai.com/v1"
    """Where the provider `openai` is."""
    openai_key: Secret | None = None
    """Its API key; sent nowhere, unless that is the provider."""
    openai_model: str | None = None
    """Which of its models answers, if `llm_model` names none."""
    gemini_key: Secret | None = None
    """The API key of the provider `gemini`; likewise."""
    gemini_model: str | None = None
    """Which of its models answers, likewise."""
    qdrant_url: str | None = None
    """A Qdrant server that keeps the vectors; without one they lie in the store. `file:/a/folder` is its client's local mode, for trials."""
    qdrant_key: Secret | None = None
    """Its API key."""
    qdrant_prefix: str = "documents"
    """How its collections are called; the number of dimensions follows."""
    is_qdrant_edge: bool = False
    """Keep vectors in Qdrant Edge, inside the one process that serves and works."""

    def __post_init__(self) -> None:
        if self.llm_provider is not None:
            self._take("llm", self.llm_provider, self._writer(self.llm_model, self.llm_provider))
        if self.metadata_provider is not None:
            writer = self._writer(self.metadata_model, self.metadata_provider)
            self._take("metadata", self.metadata_provider, writer)
        if self.embeddings_provider is not None:
            named = None if self.embeddings_model == EMBEDDINGS_MODEL else self.embeddings_model
            self._take("embeddings", self.embeddings_provider, named)

    def _writer(self, model: str, provider: Provider) -> str | None:
        """
        Which model of a provider writes.
        """
        of_provider = self.openai_model if provider is Provider.OPENAI else self.gemini_model
        return of_provider if model == LLM_MODEL else model

    def _take(self, what: str, provider: Provider, model: str | None) -> None:
        """
        Let an endpoint be that of a provider.

        Raises:
            ConfigError: Something is missing for it, or another address is set as well.
        """
        is_openai = provider is Provider.OPENAI
        url, key = (
            (self.openai_url, self.openai_key) if is_openai else (GEMINI_URL, self.gemini_key)
        )
        setting = f"documents.{what}_provider"
        if getattr(self, f"{what}_url") not in (None, url) or self.models_api is ModelApi.OLLAMA:
            raise ConfigError(
                f"{setting} is {provider.value!r}, and {what}_url or models_api says something else; unset one of them",
                setting=setting,
            )
        if key is None or model is None:
            missing = f"{provider.value}_key" if key is None else f"{what}_model"
            raise ConfigError(
                f"{setting} is {provider.value!r}; set documents.{missing} too", setting=setting
            )
        for field, value in (("url", url), ("key", key), ("model", model)):
            msgspec.structs.force_setattr(self, f"{what}_{field}", value)
