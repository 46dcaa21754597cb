from types import ModuleType

import avance


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
