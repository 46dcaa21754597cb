"""
What an error of S3 means to the caller.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from avance.errors import NotFound, Unavailable

_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_PAST_THE_END = frozenset({"InvalidRange", "416"})


class PastTheEnd(Exception):
    """
    A part was asked for that begins after the last byte.
    """


@contextmanager
def told(key: str, bucket: str) -> Iterator[None]:
    """
    Raise ours in place of theirs.
    """
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise NotFound(f"there is no file {key}", code="file_not_found", key=key) from error
        if code in _PAST_THE_END:
            raise PastTheEnd from error
        raise _unavailable(error, bucket) from error
    except (BotoCoreError, OSError) as error:
        raise _unavailable(error, bucket) from error


def _unavailable(error: Exception, bucket: str) -> Unavailable:
    return Unavailable(
        f"the files in bucket {bucket} cannot be reached ({error}); check the bucket, its keys and the way there",
        code="files_unavailable",
        bucket=bucket,
    )
