"""
Find the app that the command line or the settings name.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from avance.app.core import Avance
from avance.app.extension import ALL_APPS, App, installed_apps
from avance.errors import ConfigError


def load(
    target: str | None, *, directory: str | None = None, apps: Sequence[str] = (ALL_APPS,)
) -> Avance:
    """
    Import `module:app` from the current directory; None is an app without tasks of its own.

    Args:
        apps: Which of the installed apps are served beside it, by name.

    Raises:
        ConfigError: There is no such module or app.
    """
    app = Avance() if target is None else _import(target, directory)
    for extension in installed_apps(apps):
        app.include(extension)
    return app


def _import(target: str, directory: str | None) -> Avance:
    module_name, _, name = target.partition(":")
    name = name or "app"
    here = str(Path(directory or ".").resolve())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise
        raise ConfigError(
            f"there is no module {module_name!r} to import from {here}; name the app as module:app",
            setting="app",
            value=target,
        ) from error
    found = getattr(module, name, None)
    if isinstance(found, App):
        host = Avance()
        host.include(found)
        return host
    if not isinstance(found, Avance):
        known = sorted(key for key, value in vars(module).items() if isinstance(value, Avance))
        raise ConfigError(
            f"{target!r} is not an Avance app; {module_name} has {', '.join(known) or 'none'}",
            setting="app",
            value=target,
        )
    return found
