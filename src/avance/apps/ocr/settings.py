from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from avance import Secret

Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class OcrSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    Reading documents, here or elsewhere.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "STAGE": "stage",
        "OCR_ORCHESTRATOR_URL": "orchestrator_url",
        "OCR_ENGINE_SECRET": "engine_secret",
        "CALLBACK_BASE_URL": "callback_base_url",
        "OCR_ALLOWED_HOSTS": "allowed_hosts",
        "WEBSOCKET_ENDPOINT": "websocket_endpoint",
        "AWS_REGION": "aws_region",
    }

    stage: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = "dev"
    """The path of the socket (`/dev`), and a part of every name of the AWS adapter."""
    engine: Annotated[str, msgspec.Meta(pattern="^(tesseract|rapidocr|external)$")] = "tesseract"
    """Who reads: `tesseract` (light), `rapidocr` (photos; the extra `ocr-photos`) or `external`."""
    orchestrator_url: str | None = None
    """Where documents are sent with the engine `external`."""
    callback_base_url: str | None = None
    """How that engine reaches this server: `https://ocr.example.org`."""
    engine_secret: Secret | None = None
    """Signs what is sent to the engine and to `url_response`, and verifies what the engine sends."""
    allowed_hosts: tuple[str, ...] = ()
    """Names or networks (CIDR) inside that URLs may name all the same."""
    documents_max: Positive = 30
    """Documents of one request."""
    file_bytes_max: Positive = 52_428_800
    """A larger file is refused."""
    file_timeout_s: Seconds = 60.0
    """Fetching one file."""
    engine_timeout_s: Seconds = 30.0
    """A request to the engine or to `url_response`."""
    answer_limit_s: Seconds = 3_600.0
    """A document whose engine says nothing for so long is failed with `expired`."""
    signature_age_s: Seconds = 300.0
    """An older signature is refused."""
    link_ttl_s: Seconds = 900.0
    """How long a link to a file is good."""
    recent_s: Seconds = 300.0
    """Documents that ended so lately are told to a new subscriber."""
    recent_max: Positive = 100
    """So many at the most."""
    languages: str = "spa+eng"
    """Of Tesseract."""
    tessdata: str | None = None
    """Its folder of languages; by default the usual places are tried."""
    readers: Positive = 1
    """Documents that are read at the same time, each in a process of its own."""
    reader_bytes_max: Positive = 2_147_483_648
    """Address space of such a process."""
    photo_reader_bytes_max: Positive = 8_589_934_592
    """Likewise with `rapidocr`."""
    reader_cpu_s_max: Positive = 900
    """Processor time of such a process."""
    pages_max: Positive = 200
    """A document of more pages is refused."""
    pixels_max: Positive = 60_000_000
    """An image of more is refused before it is unpacked."""
    websocket_endpoint: str | None = None
    """The management address of API Gateway, for the AWS adapter."""
    aws_region: str = "us-east-1"
    """For the AWS adapter."""
