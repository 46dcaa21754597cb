import json
import tomllib
from pathlib import Path
from types import ModuleType

import avance

ROOT = Path(__file__).parents[2]


def exported() -> set[str]:
    """
    What a user can see: everything without an underscore that is not a submodule.
    """
    return {
        name
        for name, value in vars(avance).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }


def test_all_is_sorted() -> None:
    assert avance.__all__ == sorted(avance.__all__)


def test_all_is_what_is_exported() -> None:
    assert set(avance.__all__) - {"__version__"} == exported()


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    packages = [json.loads(p.read_text("utf-8")) for p in ROOT.glob("clients/*/package.json")]
    assert {avance.__version__, *(package["version"] for package in packages)} == {
        project["version"]
    }
