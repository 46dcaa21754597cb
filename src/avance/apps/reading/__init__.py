"""
Opening strangers' files without harm: what kind they are, what is in them, page by page. A library for other apps; it has no tasks.
"""

from avance.apps.reading.container import is_plain, parts_of
from avance.apps.reading.errors import Unreadable
from avance.apps.reading.kinds import Kind, sniff
from avance.apps.reading.limits import READING_LIMITS, ReadingLimits
from avance.apps.reading.pages import About, Page
from avance.apps.reading.read import read_file, render_page
from avance.apps.reading.sandbox import Sandbox
from avance.apps.reading.scans import Eyes, eyes_for, read_scans

__all__ = [
    "READING_LIMITS",
    "About",
    "Eyes",
    "Kind",
    "Page",
    "ReadingLimits",
    "Sandbox",
    "Unreadable",
    "eyes_for",
    "is_plain",
    "parts_of",
    "read_file",
    "read_scans",
    "render_page",
    "sniff",
]
