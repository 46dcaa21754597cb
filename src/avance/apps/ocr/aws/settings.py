"""
Everything by the environment; nothing has a name of its own.
"""

import os
from collections.abc import Mapping

import msgspec

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
    )
