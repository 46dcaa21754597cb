"""
The frames of a dialect as types, for the document that describes every socket.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

F = TypeVar("F", bound=Callable[..., object])
_ATTRIBUTE = "__avance_frames__"


class Frames(msgspec.Struct, frozen=True, kw_only=True):
    sends: tuple[type[msgspec.Struct], ...] = ()
    takes: tuple[type[msgspec.Struct], ...] = ()


def speaks(
    *,
    sends: tuple[type[msgspec.Struct], ...] = (),
    takes: tuple[type[msgspec.Struct], ...] = (),
) -> Callable[[F], F]:
    """
    Say, on the function that makes a dialect, which frames it sends and takes; `/asyncapi.json` tells their schemas.
    """

    def mark(make: F) -> F:
        setattr(make, _ATTRIBUTE, Frames(sends=sends, takes=takes))
        return make

    return mark


def frames_of(make: Callable[..., object]) -> Frames:
    """
    What was said of the dialects that this function makes.
    """
    found = getattr(make, _ATTRIBUTE, None)
    return found if isinstance(found, Frames) else Frames()
