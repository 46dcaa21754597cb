"""
Which place for vectors a server has.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakKeyDictionary

import anyio.to_thread

from avance import Avance
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.vectors.port import Vectors
from avance.errors import ConfigError

_kept: WeakKeyDictionary[Avance, Vectors] = WeakKeyDictionary()


@asynccontextmanager
async def kept(host: Avance) -> AsyncGenerator[None, None]:
    """
    Open it with the engine, and close it before. A setting that cannot be kept is told at the start, not by the first document.
    """
    settings = host.settings.section(DocumentsSettings)
    check(settings)
    if settings.embeddings_url is None:
        yield
        return
    # In a thread: the libraries are heavy to load.
    found = _kept[host] = await anyio.to_thread.run_sync(_open, host)
    try:
        yield
    finally:
        del _kept[host]
        await found.close()


def vectors_of(host: Avance) -> Vectors:
    """
    The one of this server, where embeddings are configured.
    """
    return _kept[host]


def check(settings: DocumentsSettings) -> None:
    """
    Raises:
        ConfigError: What the settings ask for is not installed.
    """
    for is_wanted, module, extra in (
        (settings.qdrant_url is not None, "qdrant_client", "qdrant"),
        (settings.is_qdrant_edge, "qdrant_edge", "qdrant-edge"),
    ):
        if is_wanted and find_spec(module) is None:
            raise ConfigError(
                f"vectors in Qdrant need the module {module}; pip install 'avance[{extra}]'"
            )


def _open(host: Avance) -> Vectors:
    # Each is heavy to load, and one of them is needed.
    settings = host.settings.section(DocumentsSettings)
    if settings.qdrant_url is not None:
        from avance.apps.documents.vectors.qdrant import QdrantVectors  # noqa: PLC0415

        key = None if settings.qdrant_key is None else settings.qdrant_key.reveal()
        return QdrantVectors(settings.qdrant_url, key, settings.qdrant_prefix)
    if settings.is_qdrant_edge:
        from avance.apps.documents.vectors.edge import EdgeVectors  # noqa: PLC0415

        return EdgeVectors(Path(host.settings.data) / "vectors")
    from avance.apps.documents.vectors.table import TableVectors  # noqa: PLC0415

    return TableVectors(host.records)
