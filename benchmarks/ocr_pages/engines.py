"""
Each engine by itself, and within avance.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from avance.apps.ocr.engines.child import make, read_picture
from avance.apps.ocr.engines.pictures import Picture
from avance.apps.ocr.engines.words import PageRead
from avance.apps.ocr.fields.extract import Found, extract
from avance.apps.ocr.fields.kinds import classify

LANGUAGES = "spa+eng"


@dataclass(frozen=True, kw_only=True)
class Read:
    text: str
    cpu_s: float
    page: PageRead | None = None
    confidence: float = 0.0


Reader = Callable[[Image.Image], Read]


def ours(name: str) -> Reader:
    """
    The engine as a document meets it: measured, prepared, turned where it must be.
    """
    engine = make(name, LANGUAGES, None)

    def read(image: Image.Image) -> Read:
        began_s = time.process_time()
        page = read_picture(engine, Picture(1, 1, image))
        took_s = time.process_time() - began_s
        return Read(text=page.text, cpu_s=took_s, page=page, confidence=page.confidence)

    return read


def bare_tesseract() -> Reader:
    # Each engine is measured without the weight of the other.
    import tesserocr

    from avance.apps.ocr.engines.tesseract import folder_of

    api = tesserocr.PyTessBaseAPI(path=folder_of(LANGUAGES), lang=LANGUAGES, psm=tesserocr.PSM.AUTO)

    def read(image: Image.Image) -> Read:
        began_s = time.process_time()
        api.SetImage(image)
        text = api.GetUTF8Text()
        took_s = time.process_time() - began_s
        return Read(text=text, cpu_s=took_s, confidence=api.MeanTextConf() / 100)

    return read


def bare_rapid() -> Reader:
    """
    As its documentation shows it.
    """
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read(image: Image.Image) -> Read:
        began_s = time.process_time()
        found: Any = engine(np.asarray(image.convert("RGB"))[:, :, ::-1])
        took_s = time.process_time() - began_s
        text = "" if found.txts is None else "\n".join(found.txts)
        scores = found.scores or [0.0]
        return Read(text=text, cpu_s=took_s, confidence=float(np.mean(scores)))

    return read


def fields_of(page: PageRead, year: int) -> Found:
    return extract([page.words], classify(page.text), year=year)
