"""
Splitting a text at its best borders into passages of so many tokens.
"""

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from avance.apps.documents.text.tokens import MODEL, Tokens, tokens_in


class TokenSplitter:
    """
    The library tries each border by asking for the tokens of what would be the passage. Told by us, that takes a fraction of its own counting;
    texts that we cannot count are left to it.
    """

    def __init__(self, tokens: int, overlap: int, *, is_markdown: bool) -> None:
        chosen = MarkdownSplitter if is_markdown else TextSplitter
        self._counting = chosen.from_tiktoken_model(MODEL, tokens, overlap)
        self._told = chosen.from_callback(self._tokens_of, tokens, overlap)
        self._tokens: Tokens | None = None

    def chunk_indices(self, text: str) -> list[tuple[int, str]]:
        self._tokens = tokens_in(text)
        chosen = self._counting if self._tokens is None else self._told
        return chosen.chunk_indices(text)

    def _tokens_of(self, part: str) -> int:
        assert self._tokens is not None
        return self._tokens.of(part)
