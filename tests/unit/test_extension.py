"""
Apps on top of avance: included once, under names that nobody else has.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, NamedTuple

import msgspec
import pytest

from avance import App, Avance, AvanceError
from avance.app import extension
from avance.app.extension import resolve
from avance.app.sections import all_sections
from avance.config import read_settings
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


class Offer(NamedTuple):
    """
    As a package offers an app.
    """

    name: str
    app: object

    def load(self) -> object:
        return self.app


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def offers(*apps: object) -> None:
        entries = [Offer(f"app{number}", app) for number, app in enumerate(apps)]
        monkeypatch.setattr(extension, "entry_points", lambda group: entries)

    return offers


def test_an_installed_app_without_its_parts_is_left_out_and_told(
    offer: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    offer(App("whole", needs=["json"]), App("half", needs=["json", "no_such_module"], extra="half"))
    with caplog.at_level("INFO", logger="avance.apps"):
        assert [app.name for app in extension.installed_apps()] == ["whole"]
    assert "half is left out: no no_such_module here; pip install 'avance[half]'" in caplog.text


@pytest.mark.parametrize(
    ("names", "served"),
    [
        (["all"], ["one", "two"]),
        (["two"], ["two"]),
        (["none"], []),
        (["two", "all"], ["one", "two"]),
    ],
)
def test_the_installed_apps_that_are_named_are_served(
    offer: Callable[..., None], names: list[str], served: list[str]
) -> None:
    offer(App("one"), App("two"))
    assert [app.name for app in extension.installed_apps(names)] == served


def test_an_app_that_is_named_and_not_installed_is_told_with_those_that_are(
    offer: Callable[..., None],
) -> None:
    offer(App("one"), App("two"))
    with pytest.raises(ConfigError, match=r"'three'.* one, two"):
        list(extension.installed_apps(["one", "three"]))


def test_what_is_no_app_is_refused_with_its_name(offer: Callable[..., None]) -> None:
    offer(print)
    with pytest.raises(ConfigError, match="app0"):
        list(extension.installed_apps())


class ShopSettings(msgspec.Struct, frozen=True, kw_only=True):
    aliases: ClassVar[Mapping[str, str]] = {"SHOP_NAME": "name"}
    name: str = "shop"
    """What stands over the door."""


def test_an_installed_app_has_a_section_of_the_settings_and_names_of_its_own(
    offer: Callable[..., None],
) -> None:
    offer(App("shop", settings=ShopSettings, needs=["no_such_module"]))
    read = partial(read_settings, sections=all_sections())
    assert read(env={}).section(ShopSettings).name == "shop"
    assert read(env={"SHOP_NAME": "Corner"}).section(ShopSettings).name == "Corner"
    assert read(env={"AVANCE_SHOP_NAME": "Main"}).section(ShopSettings).name == "Main"
