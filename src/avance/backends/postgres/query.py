"""
Portable SQL marks its values with `?`; psycopg wants `%s`.
"""

import re
from functools import lru_cache

_STATEMENTS_KEPT_MAX = 1_000

_TOKEN = re.compile(
    r"""
    '(?:[^']|'')*'                          # a text
  | "(?:[^"]|"")*"                          # a name
  | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$         # a text in dollars
  | --[^\n]*                                # a comment
  | /\*.*?\*/
  | \?\?                                    # the operator `?` of jsonb
  | \?
  | %
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(_STATEMENTS_KEPT_MAX)
def translated(sql: str) -> str:
    """
    The statement as psycopg takes it. `?` in texts, names and comments stays; `??` is the operator.
    """
    return _TOKEN.sub(_replace, sql)


def _replace(found: re.Match[str]) -> str:
    token = found[0]
    if token == "?":
        return "%s"
    if token == "??":
        return "?"
    return token.replace("%", "%%")
