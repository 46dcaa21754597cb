import importlib
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import click

from avance.errors import AvanceError


class LazyCommands(MutableMapping[str, click.Command]):
    """
    Imports a command when it is looked up, so that listing jobs does not load a web server. Each is the command of its name in
    the module of its name.
    """

    def __init__(self, package: str, names: Iterable[str]) -> None:
        self._package = package
        self._found: dict[str, click.Command | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> click.Command:
        command = self._found[name]
        if command is None:
            module = importlib.import_module(f"{self._package}.{name}")
            command = self._found[name] = getattr(module, name)
            assert command is not None
        return command

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class RefusingGroup(click.Group):
    """
    Shows our own errors as one line, and ends with 1.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AvanceError as error:
            raise click.ClickException(error.message) from error
