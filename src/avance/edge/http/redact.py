"""
Keep credentials out of logs.
"""

import logging
import re

_SECRETS = re.compile(
    r"(?i)\b(token|api_key|apikey|access_token|cf_connect)=[^&\s\"']+|\b(bearer|apikey)\s+[A-Za-z0-9._~+/=-]+"
)


def redact(text: str) -> str:
    """
    Blot out what stands behind `token=` and `api_key=` in an address, and behind `Bearer`.
    """
    return _SECRETS.sub(_blot, text)


def _blot(match: re.Match[str]) -> str:
    return f"{match[1]}=***" if match[1] else f"{match[2]} ***"


class RedactingFilter(logging.Filter):
    """
    For the handlers of a program: `handler.addFilter(RedactingFilter())`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = redact(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(redact(one) if isinstance(one, str) else one for one in record.args)
        elif isinstance(record.args, dict):
            record.args = {
                name: redact(one) if isinstance(one, str) else one
                for name, one in record.args.items()
            }
        return True
