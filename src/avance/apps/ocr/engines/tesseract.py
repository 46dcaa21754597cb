"""
Tesseract: light, and good on pages.
"""

import re
from glob import glob
from pathlib import Path

import tesserocr
from PIL import Image

from avance.apps.ocr.engines.words import Word
from avance.apps.reading import Unreadable

_G_U = re.compile(r"(?<=[gG])ú(?=[eiéí])")
ZONE_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
PLACES = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")


class Tesseract:
    """
    Close it: it holds models in memory.
    """

    def __init__(self, languages: str, folder: str | None) -> None:
        place = folder or folder_of(languages)
        self._place = place
        self._api = tesserocr.PyTessBaseAPI(
            path=place, lang=languages, psm=tesserocr.PSM.AUTO, oem=tesserocr.OEM.LSTM_ONLY
        )

    def close(self) -> None:
        self._api.End()

    def words(self, image: Image.Image) -> list[Word]:
        self._api.SetImage(image)
        # Without it, Tesseract guesses, and takes a card of 90 × 55 mm for a poster.
        self._api.SetSourceResolution(300)
        self._api.Recognize()
        level = tesserocr.RIL.WORD
        found = []
        for word in tesserocr.iterate_level(self._api.GetIterator(), level):
            if word is None or word.Empty(level):
                continue
            text = with_dieresis(word.GetUTF8Text(level).strip())
            box = word.BoundingBox(level)
            if text and box:
                found.append(_word(text, word.Confidence(level), box))
        return found

    def zone(self, image: Image.Image) -> list[str]:
        """
        The lines of a picture of a zone for machines: capitals, figures and fillers alone.
        """
        self._api.SetVariable("tessedit_char_whitelist", ZONE_CHARS)
        self._api.SetPageSegMode(tesserocr.PSM.SINGLE_BLOCK)
        try:
            self._api.SetImage(image)
            self._api.SetSourceResolution(300)
            return [line for line in self._api.GetUTF8Text().split("\n") if line.strip()]
        finally:
            self._api.SetVariable("tessedit_char_whitelist", "")
            self._api.SetPageSegMode(tesserocr.PSM.AUTO)

    def look(self, image: Image.Image) -> tuple[str, float]:
        """
        One word, or a few, on a picture that shows nothing else; and how sure of it.
        """
        self._api.SetPageSegMode(tesserocr.PSM.SINGLE_LINE)
        try:
            self._api.SetImage(image)
            self._api.SetSourceResolution(300)
            text = " ".join(self._api.GetUTF8Text().split())
            return with_dieresis(text), self._api.MeanTextConf() / 100
        finally:
            self._api.SetPageSegMode(tesserocr.PSM.AUTO)

    def turned(self, image: Image.Image) -> int | None:
        """
        By how many degrees, counted against the clock, the page has to be turned to stand upright; None where it cannot be told.
        """
        with tesserocr.PyTessBaseAPI(
            path=self._place, lang="osd", psm=tesserocr.PSM.OSD_ONLY
        ) as look:
            look.SetImage(image)
            look.SetSourceResolution(300)
            told = look.DetectOrientationScript()
        return None if not told else (360 - int(told["orient_deg"])) % 360


def with_dieresis(text: str) -> str:
    """
    Its Spanish reads `pingúino`; between g and e or i there is no ú in that language.
    """
    return _G_U.sub("ü", text)


def _word(text: str, confidence: float, box: tuple[int, int, int, int]) -> Word:
    left, top, right, bottom = box
    return Word(
        text=text, confidence=confidence / 100, left=left, top=top, right=right, bottom=bottom
    )


def folder_of(languages: str) -> str:
    """
    Where Tesseract's data of these languages are.

    Raises:
        Unreadable: They are in none of the usual places.
    """
    wanted = [f"{name}.traineddata" for name in languages.split("+")]
    for pattern in PLACES:
        for place in sorted(glob(pattern), reverse=True):
            if all((Path(place) / name).is_file() for name in wanted):
                return place
    raise Unreadable(
        f"Tesseract has no {', '.join(wanted)} in {', '.join(PLACES)};"
        " install the packages of these languages (Debian: tesseract-ocr-spa tesseract-ocr-eng tesseract-ocr-osd) or set AVANCE_OCR_TESSDATA",
        code="ocr_language_missing",
    )
