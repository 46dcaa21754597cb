"""
What comes out of a file.
"""

import msgspec


class About(msgspec.Struct, frozen=True, kw_only=True, tag="about", tag_field="type"):
    """
    What a file says of itself; told before its pages.
    """

    pages: int
    """0 where a format has no pages of its own."""
    title: str | None = None
    author: str | None = None
    created: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True, tag="page", tag_field="type"):
    number: int
    """From 1; a format without pages has one."""
    text: str
    is_scanned: bool = False
    """It shows something and has no text of its own."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True, tag="rendered", tag_field="type"):
    path: str
    width: int
    height: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused", tag_field="type"):
    """
    Why the child gives up.
    """

    code: str
    message: str


Told = About | Page | Rendered | Refused
