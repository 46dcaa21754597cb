"""
Apps on top of avance: included once, under names that nobody else has.
"""

import pytest

from avance import App, Avance, AvanceError
from avance.app.extension import resolve
from avance.errors import ConfigError


def an_app(name: str = "shop", task: str = "shop.count") -> App:
    app = App(name)

    @app.task(name=task, runner="thread")
    def count(n: int) -> int:
        return n

    return app


def test_the_tasks_of_an_included_app_are_tasks_of_the_host() -> None:
    host, app = Avance("sqlite://:memory:"), an_app()
    host.include(app)
    assert list(host.tasks) == ["shop.count"]
    assert app.host is host


def test_including_an_app_again_changes_nothing() -> None:
    host, app = Avance("sqlite://:memory:"), an_app()
    host.include(app)
    host.include(app)
    assert list(host.apps) == ["shop"]


@pytest.mark.parametrize("other", [an_app("shop", "other.count"), an_app("other", "shop.count")])
def test_a_name_that_is_taken_is_refused(other: App) -> None:
    host = Avance("sqlite://:memory:")
    host.include(an_app())
    with pytest.raises(ConfigError, match="shop"):
        host.include(other)
    assert list(host.apps) == ["shop"]


async def test_a_task_of_an_app_that_is_included_nowhere_says_what_to_do() -> None:
    app = an_app()
    with pytest.raises(AvanceError, match="include"):
        await app.tasks["shop.count"].submit(1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("reference", ["no_such_module:x", "avance:no_such_name"])
def test_a_reference_to_nothing_is_told(reference: str) -> None:
    with pytest.raises(ConfigError, match="cannot be imported"):
        resolve(reference)
