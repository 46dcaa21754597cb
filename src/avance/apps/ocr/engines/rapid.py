"""
RapidOCR: heavier, and better at photographs, receipts and cards. Its models are in its package; nothing is downloaded.
"""

from typing import Any

import numpy as np
from PIL import Image

from avance.apps.ocr.engines.words import Word


class Rapid:
    def __init__(self) -> None:
        # The extra `ocr-photos`, which not everybody has.
        from rapidocr import RapidOCR  # noqa: PLC0415

        self._engine = RapidOCR(
            params={
                # The classifier of line orientation turns good lines round.
                "Global.use_cls": False,
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
        words = []
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
            words += _split(text, float(score), np.asarray(box, dtype=float))
        return words


def _split(
    text: str, score: float, box: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"
) -> list[Word]:
    """
    A line as words: their places follow from their share of the line's letters.
    """
    left, top = float(box[:, 0].min()), float(box[:, 1].min())
    right, bottom = float(box[:, 0].max()), float(box[:, 1].max())
    step = (right - left) / max(len(text), 1)
    words, at = [], 0
    for part in text.split(" "):
        if part:
            words.append(
                Word(
                    text=part,
                    confidence=score,
                    left=left + at * step,
                    top=top,
                    right=left + (at + len(part)) * step,
                    bottom=bottom,
                )
            )
        at += len(part) + 1
    return words
