"""
Tables of one's own on the store's database, changed together with the events that tell of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from importlib import resources
from typing import Any, Generic, TypeVar

import msgspec

from avance.model.stream import Append, Publication
from avance.ports.store import Durability

T = TypeVar("T")
Row = tuple[Any, ...]


class Engine(StrEnum):
    """
    Which SQL the database speaks, for the few statements that cannot be the same everywhere.
    """

    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """
    The tables of one component: scripts that are applied in order, each once.
    """

    name: str
    scripts: Mapping[Engine, tuple[str, ...]]
    """Script n of every engine makes the same tables."""


def load_schema(name: str, package: str, folder: str = "schema") -> Schema:
    """
    Read `schema/sqlite/*.sql` and `schema/postgres/*.sql` beside the code, in the order of their names.
    """
    root = resources.files(package).joinpath(folder)
    scripts: dict[Engine, tuple[str, ...]] = {}
    for engine in Engine:
        place = root.joinpath(engine.value)
        if not place.is_dir():
            continue
        files = sorted((one for one in place.iterdir() if one.name.endswith(".sql")), key=_name)
        scripts[engine] = tuple(one.read_text("utf-8") for one in files)
    return Schema(name=name, scripts=scripts)


def _name(file: Any) -> str:
    return str(file.name)


class Rows(ABC):
    """
    What a read works with: one moment of the database. Parameters are `?` everywhere.
    """

    engine: Engine

    @abstractmethod
    def all(self, sql: str, *values: Any) -> Sequence[Row]:
        """
        Every row of a query.
        """

    @abstractmethod
    def one(self, sql: str, *values: Any) -> Row | None:
        """
        The first row, or None. With `RETURNING` it writes where writing is allowed.
        """


class Changes(Rows):
    """
    What a write works with: one transaction, which sees what it has written.
    """

    now_ms: int

    @abstractmethod
    def run(self, sql: str, *values: Any) -> int:
        """
        Run a statement and answer how many rows it changed.
        """

    @abstractmethod
    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """
        Run a statement for each row of values.
        """

    @abstractmethod
    def append(self, append: Append) -> Publication:
        """
        Add an event to a stream, in this transaction, and answer it with its place.
        """


class Written(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    value: T
    publications: Sequence[Publication] = ()


class Records(ABC):
    """
    Belongs to a store, which opens and closes it. The functions given to it run in a thread and do nothing but read and write.
    """

    engine: Engine

    @abstractmethod
    async def migrate(self, schema: Schema) -> None:
        """
        Bring the tables of a component up to date. Safe while another node does the same.

        Raises:
            ConfigError: The database has a newer version, or the schema has no scripts for this engine.
        """

    @abstractmethod
    async def read(self, work: Callable[[Rows], T], *, is_long: bool = False) -> T:
        """
        Read at one moment, at least as new as any write that has returned.

        Args:
            is_long: It may look at many rows; short reads do not wait for it.

        Raises:
            Unavailable: The database cannot be reached.
        """

    @abstractmethod
    async def write(
        self, work: Callable[[Changes], T], *, durability: Durability = Durability.FULL
    ) -> Written[T]:
        """
        Write rows and events in one transaction; what `work` raises is raised here, and nothing of it is kept.

        Keep it short (some hundred rows): on SQLite everything that is written waits for it. It may be called again after a conflict
        with another node, so it changes nothing but the database.

        Raises:
            Unavailable: The disk is full or the database cannot be reached; nothing was written.
        """
