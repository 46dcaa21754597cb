"""
Answers that a model has given, for a while: the same question over the same passages is not asked twice.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import msgspec

from avance import Avance
from avance.apps.documents.settings import DocumentsSettings

ENTRIES_MAX = 1_000
CHARS_MAX = 65_536
"""A longer answer is not kept."""
_encode = msgspec.json.Encoder().encode


class Answers:
    """
    Of one process; they are gone with it. The least used goes first.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[float, tuple[str, ...]]] = OrderedDict()

    def find(self, key: bytes, now_s: float) -> tuple[str, ...] | None:
        """
        The pieces of an answer that is not too old.
        """
        until_s, pieces = self._kept.get(key, (0.0, ()))
        if not pieces or now_s >= until_s:
            self._kept.pop(key, None)
            return None
        self._kept.move_to_end(key)
        return pieces

    def keep(self, key: bytes, pieces: Sequence[str], *, until_s: float) -> None:
        """
        Keep a whole answer.
        """
        if sum(map(len, pieces)) > CHARS_MAX:
            return
        self._kept[key] = (until_s, tuple(pieces))
        self._kept.move_to_end(key)
        if len(self._kept) > ENTRIES_MAX:
            self._kept.popitem(last=False)


def key_of(messages: Sequence[Mapping[str, str]], settings: DocumentsSettings) -> bytes:
    """
    All that an answer comes of. The passages are in it, so that nobody hears of others, and nothing outlives a change of the documents.
    """
    said = (settings.llm_url, settings.llm_model, messages)
    return hashlib.sha256(_encode(said)).digest()


_answers: WeakKeyDictionary[Avance, Answers] = WeakKeyDictionary()


def answers_of(host: Avance) -> Answers:
    """
    Those of this server.
    """
    found = _answers.get(host)
    if found is None:
        found = _answers[host] = Answers()
    return found
