from collections.abc import Iterator

import msgspec

from avance.errors import ConfigError
from avance.model.inbox import IN_APP, Priority


class SendLimit(msgspec.Struct, frozen=True, kw_only=True):
    """
    At most so many of a kind go to one user through one external channel within a time.
    """

    max: int
    window_s: float


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """
    A sort of notification.
    """

    name: str
    category: str = ""
    """Kinds that users switch off together."""
    priority: Priority = Priority.NORMAL
    channels: tuple[str, ...] = (IN_APP,)
    limit: SendLimit | None = None


class Kinds:
    """
    The kinds that were declared. Others may be used as well; they have no category and no limit.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, Kind] = {}

    def __iter__(self) -> Iterator[Kind]:
        return iter(tuple(self._by_name.values()))

    def declare(self, kind: Kind) -> None:
        """
        Declaring the same again changes nothing.
        """
        if self._by_name.setdefault(kind.name, kind) != kind:
            raise ConfigError(f"the kind {kind.name!r} is declared twice, differently; keep one")

    def of(self, name: str) -> Kind:
        return self._by_name.get(name) or Kind(name=name)
