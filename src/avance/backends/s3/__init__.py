"""
Files in an S3-compatible store.
"""

from avance.backends.s3.blobs import S3Blobs, UploadForm
from avance.backends.s3.place import S3Limits

__all__ = ["S3Blobs", "S3Limits", "UploadForm"]
