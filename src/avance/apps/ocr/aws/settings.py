"""
Everything by the environment; nothing has a name of its own.
"""

import os
from collections.abc import Mapping

import msgspec

from avance import Secret
from avance.apps.ocr.settings import OcrSettings
from avance.errors import ConfigError

CONNECTION_TTL_S = 86_400


class AwsSettings(msgspec.Struct, frozen=True, kw_only=True):
    stage: str
    region: str
    websocket_endpoint: str
    """`https://<api>.execute-api.<region>.amazonaws.com/<stage>`."""
    bucket: str
    aws_endpoint: str | None = None
    """Another place for DynamoDB and S3, for tests."""
    ocr: OcrSettings = OcrSettings(engine="external")
    """The engine, its secret, and the limits, under the names that they have everywhere."""

    @property
    def connections(self) -> str:
        return f"websocket-connections-{self.stage}"

    @property
    def documents(self) -> str:
        return f"ocr-documents-{self.stage}"


def read_settings(env: Mapping[str, str] | None = None) -> AwsSettings:
    """
    Raises:
        ConfigError: Names what is missing.
    """
    given = os.environ if env is None else env
    missing = [
        name for name in ("STAGE", "AWS_REGION", "WEBSOCKET_ENDPOINT") if not given.get(name)
    ]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)} is not set; deploy/aws/serverless.yml sets it for every function",
            code="missing_setting",
        )
    stage = given["STAGE"]
    return AwsSettings(
        stage=stage,
        region=given["AWS_REGION"],
        websocket_endpoint=given["WEBSOCKET_ENDPOINT"],
        bucket=given.get("OCR_BUCKET") or f"ocr-files-{stage}",
        aws_endpoint=given.get("AWS_ENDPOINT_URL") or None,
        ocr=_ocr(given),
    )


def _ocr(given: Mapping[str, str]) -> OcrSettings:
    secret = given.get("OCR_ENGINE_SECRET")
    hosts = (one.strip() for one in given.get("OCR_ALLOWED_HOSTS", "").split(","))
    return OcrSettings(
        stage=given["STAGE"],
        engine="external",
        orchestrator_url=given.get("OCR_ORCHESTRATOR_URL") or None,
        callback_base_url=given.get("CALLBACK_BASE_URL") or None,
        engine_secret=Secret(secret) if secret else None,
        allowed_hosts=tuple(one for one in hosts if one),
    )


def check_engine(settings: AwsSettings) -> str:
    """
    The secret that is shared with the engine; from it come the tokens of callbacks.

    Raises:
        ConfigError: Names what is missing for documents to be taken.
    """
    ocr = settings.ocr
    missing = [
        name
        for name, value in (
            ("OCR_ORCHESTRATOR_URL", ocr.orchestrator_url),
            ("CALLBACK_BASE_URL", ocr.callback_base_url),
            ("OCR_ENGINE_SECRET", ocr.engine_secret),
        )
        if not value
    ]
    if missing or ocr.engine_secret is None:
        raise ConfigError(
            f"{', '.join(missing)} is not set; documents cannot be sent to an engine",
            code="missing_setting",
        )
    return ocr.engine_secret.reveal()
