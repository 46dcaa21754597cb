"""
What is asked for, kept and found.
"""

from enum import StrEnum
from typing import Any

import msgspec

EXTENSIONS = (".pdf", ".docx", ".txt", ".md", ".markdown", ".html", ".htm", ".xlsx")
"""What is read of files, repositories and resumable uploads."""


class OnDuplicate(StrEnum):
    """
    What to do with bytes that the collection has already.
    """

    SKIP = "skip"
    REPLACE = "replace"
    KEEP = "keep"


class Retrieval(StrEnum):
    """
    Which of the passages that fit a question are taken.
    """

    SIMILARITY = "similarity"
    MMR = "mmr"
    """Maximal marginal relevance: each fits the question, and is unlike those before it."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """
    A file that waits to be read.
    """

    key: str
    """Where its bytes are."""
    name: str
    """As its owner named it."""
    size: int
    sha256: str
    metadata: dict[str, Any] = {}
    document_id: str | None = None
    """Under which it is to be known; without one it is made of the name."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """
    A collection as one job sees it.
    """

    collection_id: int
    name: str
    generation: int
    embedding_model: str | None = None
    dimensions: int | None = None
    hybrid_weight: float = 0.3


class Document(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    filename: str
    content_hash: str
    mime_type: str
    file_size: int
    chunks: int
    pages: int
    language: str | None
    title: str | None
    author: str | None
    dated: str | None
    keywords: list[str]
    metadata: dict[str, Any]
    job_id: str
    owner: str
    blob_key: str | None
    uploaded_ms: int
    version: int = 1
    """One more each time that it is read anew or replaced by the same bytes."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """
    One passage of a document.
    """

    id: int
    index: int
    text: str
    page: int
    start: int
    end: int
    details: dict[str, Any] = {}
    """What was found out of it."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """
    A passage that was found.
    """

    chunk_id: int
    document_id: str
    filename: str
    text: str
    page: int
    start: int
    end: int
    index: int
    score: float
    """Between 0 and 1."""
    metadata: dict[str, Any] = {}
