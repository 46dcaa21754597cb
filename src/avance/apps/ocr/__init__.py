"""
OCR: documents read here or by an external engine, and everyone told at once. docs/contract/ocr.md.
"""

from avance import App
from avance.apps.ocr.settings import OcrSettings
from avance.storage import load_schema

app = App(
    "ocr",
    routers=[
        "avance.apps.ocr.http.documents:router",
        "avance.apps.ocr.http.pages:router",
        "avance.apps.ocr.http.engine:router",
        "avance.apps.ocr.http.script:router",
    ],
    # Which of them is the stage is a setting, and settings are read after this.
    sockets={"/{stage}": "avance.apps.ocr.dialect:speak"},
    schemas=[load_schema("ocr", "avance.apps.ocr")],
    settings=OcrSettings,
    runs=["avance.apps.ocr.watch:watching"],
    needs=["httpx2", "numpy", "PIL", "pypdfium2", "python_multipart", "tesserocr"],
    # The engine signs its callback or brings a token of its own; a link to a file is signed.
    public_paths=[
        *("/api/ocr/callback", "/api/ocr/client.js", "/api/ocr/file/*", "/api/ocr/health"),
    ],
    body_bytes_max={"/api/ocr/upload": 1_610_612_736, "/api/ocr/callback": 16_777_216},
    extra="ocr",
)

from avance.apps.ocr import tasks as tasks  # noqa: E402 - it declares its tasks on the app
