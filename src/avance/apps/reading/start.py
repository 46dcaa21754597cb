"""
The first steps of the child: `python start.py module` runs the `main` of a module with the packages above it bare. What they import is a whole
server, takes longer than most files, and is nothing that a reader of files needs; who does need it gets it.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

BARE = ("avance", "avance.apps", "avance.apps.reading")


class Bare(ModuleType):
    """
    A package without its contents until one of them is asked for.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # From now on it is the package that it stood for, which must not come back here.
        object.__setattr__(self, "__class__", ModuleType)
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def _bare(name: str, folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = Bare(name)
    module.__spec__, module.__file__ = spec, str(folder / "__init__.py")
    module.__path__ = [str(folder)]
    module.__package__ = name
    sys.modules[name] = module


def main() -> int:
    folder = Path(__file__).parent
    for name, place in zip(reversed(BARE), (folder, *folder.parents), strict=False):
        _bare(name, place)
    run = importlib.import_module(sys.argv[1])
    code: int = run.main()
    return code


if __name__ == "__main__":
    sys.exit(main())
