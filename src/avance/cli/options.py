"""
Options that several commands share, and how they become settings.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from avance.app import Avance, load
from avance.app.sections import all_sections
from avance.config import Settings, read_settings

F = TypeVar("F", bound=Callable[..., Any])


def settings_options(function: F) -> F:
    """
    `--config`, `--data`, `--store`, `--log-level`.
    """
    for option in (
        click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error."),
        click.option("--store", metavar="URL", help="Where jobs are kept: sqlite:///avance.db."),
        click.option("--data", metavar="DIR", help="Directory for what avance keeps."),
        click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Settings file (TOML); else AVANCE_CONFIG.",
        ),
    ):
        function = option(function)
    return function


def open_app(target: str | None, config: Path | None, **overrides: object) -> Avance:
    """
    Find the app and give it the settings that hold.
    """
    settings = read_settings(config, overrides=overrides, sections=all_sections())
    app = load(target or settings.app, apps=settings.apps)
    app.configure(settings)
    return app


def settings_of(config: Path | None, **overrides: object) -> Settings:
    """
    The settings alone.
    """
    return read_settings(config, overrides=overrides, sections=all_sections())
