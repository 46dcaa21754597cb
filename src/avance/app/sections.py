"""
The settings of backends, which the settings of the program cannot name because they stand below them.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from avance.backends.embedded import EmbeddedLimits
from avance.backends.sqlite import SqliteLimits

SECTIONS: Mapping[str, type[msgspec.Struct]] = MappingProxyType(
    {"sqlite": SqliteLimits, "embedded": EmbeddedLimits}
)
