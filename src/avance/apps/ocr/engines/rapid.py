"""
RapidOCR: heavier, and better at photographs, receipts and cards. Its models are in its package; nothing is downloaded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from avance.apps.ocr.engines.prepare import ink
from avance.apps.ocr.engines.spacing import Letter, Strip, in_words
from avance.apps.ocr.engines.words import Word


class Rapid:
    def __init__(self) -> None:
        # The extra `ocr-photos`, which not everybody has.
        from rapidocr import RapidOCR  # noqa: PLC0415

        self._engine = RapidOCR(
            params={
                # The classifier of line orientation turns good lines round.
                "Global.use_cls": False,
                # Where each letter is: see `spacing`.
                "Global.return_word_box": True,
                "Global.return_single_char_box": True,
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def close(self) -> None:
        return None

    def words(self, image: Image.Image) -> list[Word]:
        found: Any = self._engine(np.asarray(image.convert("RGB"))[:, :, ::-1])
        if found.boxes is None or found.txts is None:
            return []
        dark = ink(image.convert("L"))
        places = found.word_results
        if len(places) != len(found.txts):
            # It leaves out a line of which it cannot tell where the letters are, and does not say which.
            places = [()] * len(found.txts)
        words = []
        for box, text, score, told in zip(
            found.boxes, found.txts, found.scores, places, strict=True
        ):
            strip = _strip(np.asarray(box, dtype=float))
            line = text.strip()
            is_told = _is_told(line, told)
            letters = _told(told) if is_told else _shared(line, strip)
            words += [
                _word(part, float(score), strip, len(letters))
                for part in in_words(line, letters, strip, dark if is_told else None)
            ]
        return words


def _strip(box: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Strip:
    """
    Of the corners, clockwise from the upper left.
    """
    return Strip(
        left=float(box[:, 0].min()),
        right=float(box[:, 0].max()),
        top=(float(box[0, 1]), float(box[1, 1])),
        bottom=(float(box[3, 1]), float(box[2, 1])),
    )


def _is_told(line: str, told: Sequence[Any]) -> bool:
    return [one[0] for one in told] == [char for char in line if not char.isspace()]


def _told(told: Sequence[Any]) -> list[Letter]:
    return [
        Letter(text=text, middle=float(np.asarray(corners, dtype=float)[:, 0].mean()))
        for text, _, corners in told
    ]


def _shared(line: str, strip: Strip) -> list[Letter]:
    """
    Each letter where its share of the line is.
    """
    step = (strip.right - strip.left) / max(len(line), 1)
    return [
        Letter(text=char, middle=strip.left + (at + 0.5) * step)
        for at, char in enumerate(line)
        if not char.isspace()
    ]


def _word(part: Sequence[Letter], score: float, strip: Strip, letters: int) -> Word:
    half = (strip.right - strip.left) / letters / 2
    return Word(
        text="".join(letter.text for letter in part),
        confidence=score,
        left=max(part[0].middle - half, strip.left),
        top=min(strip.top),
        right=min(part[-1].middle + half, strip.right),
        bottom=max(strip.bottom),
    )
