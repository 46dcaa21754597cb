"""
Who is calling: signed tokens and API keys.
"""

from avance.backends.tokens.open_auth import OpenAuth
from avance.backends.tokens.revocations import MemoryRevocations
from avance.backends.tokens.secret import load_secret
from avance.backends.tokens.token_auth import TokenAuth

__all__ = ["MemoryRevocations", "OpenAuth", "TokenAuth", "load_secret"]
