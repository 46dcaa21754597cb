"""
Files in S3: browsers put them there and read them from there, by addresses that are good for a while.
"""

from collections.abc import Mapping
from typing import Any

from avance.apps.ocr.aws.ends import s3
from avance.apps.ocr.aws.settings import AwsSettings


class Files:
    def __init__(self, settings: AwsSettings) -> None:
        self._bucket = settings.bucket
        self._client = s3(settings)

    def put(self, key: str, body: bytes, media_type: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=media_type)

    def link(self, key: str, ttl_s: float) -> str:
        """
        A URL that is good for a while.
        """
        made: str = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=round(ttl_s)
        )
        return made

    def place(self, key: str, *, bytes_max: int, ttl_s: float) -> Mapping[str, Any]:
        """
        Where a browser may put one file of up to so many bytes, for a while: `url`, and the `fields` of a form.
        """
        made: Mapping[str, Any] = self._client.generate_presigned_post(
            self._bucket,
            key,
            Conditions=[["content-length-range", 1, bytes_max]],
            ExpiresIn=round(ttl_s),
        )
        return made

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)
