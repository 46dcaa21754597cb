"""
Settings: one file, the environment, the command line. A wrong one is refused with its name.
"""

from avance.config.describe import SettingDoc, describe
from avance.config.read import read_settings
from avance.config.settings import AuthMode, LogLevel, Settings, check_bind
from avance.model.secret import Secret

__all__ = [
    "AuthMode",
    "LogLevel",
    "Secret",
    "SettingDoc",
    "Settings",
    "check_bind",
    "describe",
    "read_settings",
]
