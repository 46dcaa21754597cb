"""
What a zip file says that it holds; nothing is unpacked.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from avance.apps.reading.errors import Unreadable

_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCKED_FLAGS = 0x01 | 0x20 | 0x40
"""Encrypted, patched, strongly encrypted."""

_DAMAGE = (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError)
"""
What `zipfile` raises for it: in general, for a name that is no text, and for a file that claims a version of the format that does not exist.
A disk that fails is no damage of the file.
"""


def parts_of(path: Path, name: str, *, code: str) -> Sequence[zipfile.ZipInfo]:
    """
    Raises:
        Unreadable: Its directory cannot be read; with this code.
    """
    try:
        with zipfile.ZipFile(path) as container:
            return container.infolist()
    except _DAMAGE as error:
        raise Unreadable(f"{name} is a damaged container: {error}", code=code, name=name) from error


def is_plain(part: zipfile.ZipInfo) -> bool:
    """
    Whether it is stored or deflated, as whatever writes documents and archives of repositories does, and not locked.
    """
    return part.compress_type in _PLAIN and not part.flag_bits & _LOCKED_FLAGS
