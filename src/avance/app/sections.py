"""
The settings of backends and apps, which the settings of the program cannot name because they stand below or above them.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from avance.app.extension import offered_apps
from avance.app.front import CentrifugoSettings
from avance.app.notices import NotifySettings
from avance.app.report_limits import ReportLimits
from avance.backends.embedded import EmbeddedLimits
from avance.backends.sqlite import SqliteLimits
from avance.notify.limits import NotifyLimits

BACKENDS: Mapping[str, type[msgspec.Struct]] = MappingProxyType(
    {
        "sqlite": SqliteLimits,
        "embedded": EmbeddedLimits,
        "notify": NotifySettings,
        "inbox": NotifyLimits,
        "centrifugo": CentrifugoSettings,
        "reports": ReportLimits,
    }
)


def all_sections() -> Mapping[str, type[msgspec.Struct]]:
    """
    Each struct by the name of its section. An app that is left out keeps its settings, so that a file fits every installation.
    """
    apps = {app.name: app.settings for app in offered_apps() if app.settings is not None}
    return {**BACKENDS, **apps}
