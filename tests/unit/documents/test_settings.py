"""
The settings of documents by the bare names of docs/contract/uploads.md, 3.2.
"""

import pytest

from avance.apps.documents.settings import GEMINI_URL, DocumentsSettings
from avance.config import read_settings
from avance.errors import ConfigError

OPENAI = {"QA_PROVIDER": "openai", "OPENAI_API_KEY": "one", "OPENAI_MODEL": "large"}
GEMINI = {
    "EMBEDDINGS_PROVIDER": "gemini",
    "GEMINI_API_KEY": "two",
    "EMBEDDING_MODEL": "meaning",
}


def told(**env: str) -> DocumentsSettings:
    return read_settings(env=env, sections={"documents": DocumentsSettings}).section(
        DocumentsSettings
    )


def test_the_bare_names_of_the_contract_are_heard() -> None:
    settings = told(
        RAG_CHUNK_SIZE="900",
        RAG_CHUNK_OVERLAP="90",
        RAG_RETRIEVER_K="7",
        RATE_LIMIT_RPM="3",
        CACHE_TTL="60",
        CHUNKING_STRATEGY="semantic",
        EMBEDDING_MODEL="meaning",
        EMBEDDING_DIMENSIONS="1536",
        QDRANT_CLUSTER_ENDPOINT="http://127.0.0.1:6333",
        QDRANT_API_KEY="key",
        QDRANT_COLLECTION_NAME="books",
    )
    assert (settings.upload_chunk_tokens, settings.upload_overlap_tokens) == (900, 90)
    assert (settings.passages, settings.llm_calls_per_minute) == (7, 3)
    assert settings.answers_ttl_s == 60
    assert (settings.upload_strategy, settings.upload_collection) == ("semantic", "books")
    assert (settings.embeddings_model, settings.embeddings_dimensions) == ("meaning", 1536)
    assert settings.qdrant_url == "http://127.0.0.1:6333"


def test_a_provider_is_an_address_with_a_key_and_a_model() -> None:
    settings = told(**OPENAI, **GEMINI)
    assert (settings.llm_url, settings.llm_model) == ("https://api.openai.com/v1", "large")
    assert (settings.embeddings_url, settings.embeddings_model) == (GEMINI_URL, "meaning")
    assert settings.llm_key is not None
    assert settings.embeddings_key is not None
    assert (settings.llm_key.reveal(), settings.embeddings_key.reveal()) == ("one", "two")


def test_a_key_that_lies_in_the_environment_is_not_used_unless_its_provider_is_chosen() -> None:
    settings = told(OPENAI_API_KEY="one", OPENAI_MODEL="large", GEMINI_API_KEY="two")
    assert (settings.llm_url, settings.llm_key, settings.llm_model) == (None, None, "llama3.2")
    assert (settings.embeddings_url, settings.embeddings_key) == (None, None)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"QA_PROVIDER": "best"}, "allowed: openai, gemini"),
        ({"QA_PROVIDER": "openai"}, "set documents.openai_key too"),
        ({"QA_PROVIDER": "gemini", "GEMINI_API_KEY": "x"}, "set documents.llm_model too"),
        ({**OPENAI, "AVANCE_DOCUMENTS_LLM_URL": "http://127.0.0.1/v1"}, "unset one of them"),
        ({**OPENAI, "AVANCE_DOCUMENTS_MODELS_API": "ollama"}, "unset one of them"),
        ({"CHUNKING_STRATEGY": "best"}, "recursive, semantic, markdown, html, python_code, json"),
        ({"EMBEDDING_DIMENSIONS": "5"}, "allowed: 256, 512, 768, 1536, 3072"),
    ],
)
def test_what_does_not_fit_together_is_said_at_the_start(env: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        told(**env)
