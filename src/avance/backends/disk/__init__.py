"""
Files in a directory.
"""

from avance.backends.disk.blobs import DiskBlobs

__all__ = ["DiskBlobs"]
