"""
What may be said of an address where others read along.
"""

import re

_PASSWORD = re.compile(r"(://[^:/?@]*):[^/?]*@")
_PARAMETER = re.compile(r"([?&](?:password|sslpassword)=)[^&]*")


def without_password(url: str) -> str:
    """
    The same address; logs are kept longer than secrets should be.
    """
    return _PARAMETER.sub(r"\1…", _PASSWORD.sub(r"\1:…@", url))
