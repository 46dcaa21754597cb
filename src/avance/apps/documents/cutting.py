"""
How the texts of a request are cut: as it says, and where it says nothing, as the settings do.
"""

from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.text.strategies import SIZES, Cutting, Preset, Strategy
from avance.apps.documents.words import one_of


def of_upload(preset: str | None, strategy: str | None, settings: DocumentsSettings) -> Cutting:
    """
    Raises:
        InvalidRequest: There is no such preset, or no such strategy.
    """
    sizes = (settings.upload_chunk_tokens, settings.upload_overlap_tokens)
    if settings.upload_preset is not None:
        sizes = SIZES[settings.upload_preset]
    return _cutting(preset, strategy, sizes, settings.upload_strategy)


def of_ingest(preset: str | None, strategy: str | None, settings: DocumentsSettings) -> Cutting:
    """
    Raises:
        InvalidRequest: As for an upload.
    """
    sizes = (settings.chunk_tokens, settings.overlap_tokens)
    return _cutting(preset, strategy, sizes, Strategy.RECURSIVE)


def _cutting(
    preset: str | None, strategy: str | None, sizes: tuple[int, int], usual: Strategy
) -> Cutting:
    tokens, overlap = SIZES[one_of(Preset, preset, "preset")] if preset else sizes
    chosen = one_of(Strategy, strategy, "chunking_strategy") if strategy else usual
    return Cutting(tokens=tokens, overlap=overlap, strategy=chosen)
