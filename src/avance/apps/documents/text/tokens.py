"""
How many tokens parts of a text have. The tokenizer breaks a text into pieces, none of which it looks beyond; so each piece is counted by it once,
and what a passage has is the sum over its pieces.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from functools import cache
from itertools import accumulate, groupby

from semantic_text_splitter import TextSplitter

MODEL = "gpt-4o"
"""Whose tokens are counted; the table of them is part of the library. That of `gpt-4` takes more tokens for Spanish."""
PIECE_CHARS_MAX = 200
"""A text with a longer piece is left to the tokenizer: where such a piece is cut in many places, each of its parts is a piece of its own."""
PIECES_KEPT_MAX = 65_536
_KNOWN = (range(0x530), range(0x2000, 0x2C00))
"""Latin, Greek, Cyrillic and what is written between words: all versions of Unicode say the same of these characters."""


def _chars(*categories: str) -> str:
    """
    A class of a regular expression, without its brackets.
    """
    found = [
        char
        for block in _KNOWN
        for char in block
        if any(unicodedata.category(chr(char)).startswith(one) for one in categories)
    ]
    runs = groupby(enumerate(found), key=lambda pair: pair[1] - pair[0])
    ends = ([char for _, char in run] for _, run in runs)
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in ends)


_UPPER = _chars("Lu", "Lt", "Lm", "Lo", "M")
_LOWER = _chars("Ll", "Lm", "Lo", "M")
_LETTER, _NUMBER = _chars("L"), _chars("N")
# Not `\s`, which has separators of files in it that are no white space elsewhere.
_SPACE = r"\t-\r \x85\xa0\u2000-\u200a\u2028\u2029\u202f\u205f"
_ENDING = r"(?:'(?:[sS\u017ftTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))?"
_PIECE = re.compile(
    # What most words are, in a form that is found sooner.
    r" ?[A-ZÀ-ÖØ-Þ]?[a-zß-öø-ÿ]++(?=[ ,.;:\n)])"
    rf"|[^\r\n{_LETTER}{_NUMBER}]?[{_UPPER}]*[{_LOWER}]+{_ENDING}"
    rf"|[^\r\n{_LETTER}{_NUMBER}]?[{_UPPER}]+[{_LOWER}]*{_ENDING}"
    rf"|[{_NUMBER}]{{1,3}}"
    rf"| ?[^{_SPACE}{_LETTER}{_NUMBER}]+[\r\n/]*"
    rf"|[{_SPACE}]*[\r\n]+"
    rf"|[{_SPACE}]+(?![^{_SPACE}])"
    rf"|[{_SPACE}]+"
)
_LINES = re.compile("\n+")
_STRANGE = re.compile("[^{}]".format("".join(f"{chr(one[0])}-{chr(one[-1])}" for one in _KNOWN)))


class _Pieces(dict[str, int]):
    """
    The tokens of each piece. Texts have the same ones again and again.
    """

    def __missing__(self, piece: str) -> int:
        if len(self) >= PIECES_KEPT_MAX:
            self.clear()
        tokens = self[piece] = _tokens_of(piece)
        return tokens


class Tokens:
    """
    Of one text, and of whatever is a part of it.
    """

    def __init__(self, text: str, pieces: list[str], lengths: list[int]) -> None:
        self._text = text
        self._starts = [0, *accumulate(lengths)]
        self._before = [0, *accumulate(map(_pieces.__getitem__, pieces))]
        self._near = 0

    def of(self, part: str) -> int:
        start = self._place(part)
        end = start + len(part)
        if start < 0 or part[-1:].isspace():
            # White space at an end is cut otherwise than before a word.
            return sum(map(_pieces.__getitem__, _PIECE.findall(part)))
        first, tokens = self._meeting(start, end)
        last = bisect_right(self._starts, end) - 1
        if first > last:
            return tokens
        tokens += self._before[last] - self._before[first]
        if self._starts[last] == end:
            return tokens
        rest = self._text[self._starts[last] : end]
        return tokens + sum(map(_pieces.__getitem__, _PIECE.findall(rest)))

    def _place(self, part: str) -> int:
        # Passages are tried with the same beginning and another end, or a little further on.
        if self._text.startswith(part, self._near):
            return self._near
        found = self._text.find(part, self._near)
        if found < 0:
            found = self._text.find(part)
        self._near = max(found, 0)
        return found

    def _meeting(self, start: int, end: int) -> tuple[int, int]:
        """
        The first piece of the text that is one of the part as well, and the tokens of the part before it.
        """
        tokens = 0
        while True:
            first = bisect_left(self._starts, start)
            if first == len(self._starts) or self._starts[first] == start or start >= end:
                return first, tokens
            found = _PIECE.match(self._text, start, end)
            assert found is not None
            tokens += _pieces[found[0]]
            start = found.end()


def tokens_in(text: str) -> Tokens | None:
    """
    None for a text that only the tokenizer itself can count: in other scripts, without an end to its words, or with line ends of old.
    """
    if "\r" in text or (not text.isascii() and _STRANGE.search(text) is not None):
        return None
    pieces = _PIECE.findall(text)
    lengths = list(map(len, pieces))
    if max(lengths, default=0) > PIECE_CHARS_MAX:
        return None
    return Tokens(text, pieces, lengths)


def _tokens_of(piece: str) -> int:
    """
    Ask the tokenizer, through the only question that the library answers: how it cuts a text. It cuts at the most blank lines first; so whether all
    of a text is one passage tells whether what comes after those fits as well, and no part of that is tried by itself.
    """
    lines = "1" + "\n" * (max(map(len, _LINES.findall(piece)), default=0) + 1)
    if piece[:1].isspace() and "\n" in piece:
        # It would be one piece with the lines before it.
        lines += "a"
    return _fits_from(lines + piece, _tokens_before(lines) + 1) - _tokens_before(lines)


@cache
def _tokens_before(lines: str) -> int:
    return _fits_from(lines, 2)


def _fits_from(text: str, least: int) -> int:
    """
    How many tokens a text has that has no fewer than so many.
    """
    step = 1
    while not _is_within(text, least + step - 1):
        step *= 2
    low, high = least + step // 2, least + step - 1
    while low < high:
        middle = (low + high) // 2
        if _is_within(text, middle):
            high = middle
        else:
            low = middle + 1
    return low


def _is_within(text: str, tokens: int) -> bool:
    return len(_splitter(tokens).chunks(text)) == 1


@cache
def _splitter(tokens: int) -> TextSplitter:
    # Of pieces no longer than PIECE_CHARS_MAX, there are as many splitters as such a piece may have tokens.
    return TextSplitter.from_tiktoken_model(MODEL, tokens, trim=False)


_pieces = _Pieces()
