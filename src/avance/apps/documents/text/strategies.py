"""
How passages are cut: into which sizes, and where.
"""

from enum import StrEnum

import msgspec


class Strategy(StrEnum):
    """
    Where a text may best be cut.
    """

    RECURSIVE = "recursive"
    """At paragraphs, then sentences, then words; Markdown files at their headings."""
    SEMANTIC = "semantic"
    """Where its words change, that is, where it begins to speak of something else."""
    MARKDOWN = "markdown"
    """At headings, lists and code of Markdown, whatever the file is called."""
    HTML = "html"
    """At each heading; then at other elements, where the tags are in the text."""
    PYTHON_CODE = "python_code"
    """Before classes and functions, then before methods."""
    JSON = "json"
    """Between the elements of a JSON text, the outer ones first."""


class Preset(StrEnum):
    """
    Sizes by the quality of answers that is wanted: shorter passages are more exact, and more of them.
    """

    LOW = "low"
    STANDARD = "standard"
    HIGH = "high"
    PREMIUM = "premium"


class Cutting(msgspec.Struct, frozen=True, kw_only=True):
    """
    Sizes in tokens.
    """

    tokens: int
    overlap: int
    strategy: Strategy = Strategy.RECURSIVE


SIZES = {
    Preset.LOW: (1_500, 100),
    Preset.STANDARD: (1_000, 200),
    Preset.HIGH: (800, 250),
    Preset.PREMIUM: (600, 300),
}
"""Tokens of a passage, and how many two that follow each other share."""
