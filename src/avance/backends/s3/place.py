"""
Where the files lie: `s3://bucket/prefix?endpoint=https://…&region=…`. Keys come from where boto3 looks for them: the environment, its
files, the machine's role.
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import msgspec
from botocore.config import Config

from avance.errors import ConfigError

_OPTIONS = frozenset({"endpoint", "region"})


class S3Limits(msgspec.Struct, frozen=True, kw_only=True):
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    tries_max: int = 3
    connections: int = 16
    """Requests at the same time."""
    part_bytes: int = 8_388_608
    """A larger file is sent in parts of this size; S3 takes no smaller than 5 MiB, and no more than 10,000 of them."""
    read_bytes: int = 262_144


S3_LIMITS = S3Limits()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None


def read_place(url: str) -> Place:
    """
    Take the URL apart.

    Raises:
        ConfigError: It names no bucket, or something that is not known.
    """
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "s3" or not parts.netloc or options.keys() - _OPTIONS:
        raise ConfigError(
            f"the place of files {url!r} cannot be used; write s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-west-1,"
            " of which all but the bucket may be left out, and give the keys as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            setting="blobs",
        )
    prefix = unquote(parts.path).strip("/")
    return Place(
        bucket=parts.netloc,
        prefix=f"{prefix}/" if prefix else "",
        endpoint=options.get("endpoint"),
        region=options.get("region"),
    )


def open_client(place: Place, limits: S3Limits) -> Any:
    config = Config(
        connect_timeout=limits.connect_timeout_s,
        read_timeout=limits.read_timeout_s,
        retries={"max_attempts": limits.tries_max, "mode": "standard"},
        max_pool_connections=limits.connections,
        signature_version="s3v4",
        # Stores of others rarely have a name for each bucket, nor the newer checksums.
        s3={"addressing_style": "path" if place.endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=place.endpoint,
        region_name=place.region or ("us-east-1" if place.endpoint else None),
        config=config,
    )
