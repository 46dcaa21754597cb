"""
One file in parts, as a bucket of S3 keeps it until it is whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from avance import Avance
from avance.errors import Conflict, NotFound, Unavailable

MIB = 1_048_576
PART_BYTES_MIN = 8 * MIB
PARTS_MAX = 10_000
"""S3 takes no more of one file."""
LISTED_AT_ONCE = 1_000
_GONE = "NoSuchUpload"


@runtime_checkable
class Bucket(Protocol):
    """
    Files in S3 can do this; files on a disk cannot.
    """

    def at(self, key: str) -> Mapping[str, str]: ...

    async def ask(self, key: str, method: str, **arguments: Any) -> Any: ...


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """
    One that has come.
    """

    number: int
    size: int
    etag: str


class UploadGone(Conflict):
    """
    The bucket does not know the upload any more: it is whole, given up, or was tidied away there.
    """

    code = "upload_gone"


def bucket_of(host: Avance) -> Bucket | None:
    return host.blobs if isinstance(host.blobs, Bucket) else None


def needed_bucket(host: Avance) -> Bucket:
    """
    Raises:
        NotFound: This server keeps files elsewhere.
    """
    bucket = bucket_of(host)
    if bucket is None:
        raise NotFound(
            "files lie on the disk of this server, not in a bucket; send them to /uploads/tus",
            code="direct_uploads_off",
        )
    return bucket


def part_bytes_of(size: int) -> int:
    """
    How large each part but the last is: whole mebibytes, and not too many parts.
    """
    least = -(-size // PARTS_MAX)
    return max(PART_BYTES_MIN, -(-least // MIB) * MIB)


class Multipart:
    def __init__(self, bucket: Bucket, key: str, multipart_id: str) -> None:
        self._bucket = bucket
        self._key = key
        self._id = multipart_id

    @classmethod
    async def begin(cls, bucket: Bucket, key: str) -> str:
        """
        Answer what the bucket calls it.
        """
        begun = await bucket.ask(key, "create_multipart_upload", **bucket.at(key))
        return str(begun["UploadId"])

    async def sign(self, number: int, size: int, ttl_s: float) -> str:
        """
        An address that takes this part, of this size and no other.
        """
        params = {
            **self._bucket.at(self._key),
            "UploadId": self._id,
            "PartNumber": number,
            "ContentLength": size,
        }
        url = await self._bucket.ask(
            self._key,
            "generate_presigned_url",
            ClientMethod="upload_part",
            Params=params,
            ExpiresIn=max(round(ttl_s), 1),
        )
        return str(url)

    async def parts(self) -> list[Part]:
        """
        What has come so far, by number.

        Raises:
            UploadGone: The bucket has no such upload.
        """
        found: list[Part] = []
        after = 0
        while True:
            page = await self._ask("list_parts", PartNumberMarker=after, MaxParts=LISTED_AT_ONCE)
            found += [
                Part(number=one["PartNumber"], size=one["Size"], etag=one["ETag"])
                for one in page.get("Parts", ())
            ]
            if not page.get("IsTruncated"):
                return found
            after = int(page["NextPartNumberMarker"])

    async def join(self, parts: Sequence[Part]) -> None:
        """
        Make one file of them.

        Raises:
            UploadGone: As above.
        """
        listed = [{"PartNumber": one.number, "ETag": one.etag} for one in parts]
        await self._ask("complete_multipart_upload", MultipartUpload={"Parts": listed})

    async def abort(self) -> None:
        """
        Give it up, with all that has come; what is gone is given up already.
        """
        try:
            await self._ask("abort_multipart_upload")
        except UploadGone:
            return

    async def _ask(self, method: str, **arguments: Any) -> Any:
        at = self._bucket.at(self._key)
        try:
            return await self._bucket.ask(self._key, method, **at, UploadId=self._id, **arguments)
        except Unavailable as error:
            # The bucket answers, which its files take for being away: they never lose an upload.
            told = getattr(error.__cause__, "response", {})
            if told.get("Error", {}).get("Code") == _GONE:
                raise UploadGone(
                    "the bucket does not know this upload any more; begin a new one"
                ) from error
            raise
