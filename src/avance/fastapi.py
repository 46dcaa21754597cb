"""
`avance.fastapi.install(api, app)`.
"""

from avance.integrations.fastapi import install

__all__ = ["install"]
