"""
OCR: documents read here or by an external engine.
"""

from avance import App

app = App("ocr", extra="ocr")
