"""
Files on the disk, and in a real S3 API server.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from avance.backends.disk import DiskBlobs
from avance.backends.s3 import S3Blobs, S3Limits
from avance.ports.blobs import Blobs
from avance.testing.conformance.blobs import BlobsConformance

MIB = 1_048_576
_numbers = count(1)


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bucket = f"files-{next(_numbers)}"
    boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1").create_bucket(
        Bucket=bucket
    )
    return f"s3://{bucket}/some/prefix?endpoint={s3_endpoint}"


class TestBlobsOnDisk(BlobsConformance):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        return DiskBlobs(tmp_path / "blobs")


class TestBlobsInS3(BlobsConformance):
    large_bytes = 12 * MIB

    @pytest.fixture
    def blobs(self, s3_url: str) -> Blobs:
        return S3Blobs(s3_url, limits=S3Limits(part_bytes=5 * MIB))
