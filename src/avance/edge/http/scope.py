"""
Small readings of an ASGI scope.
"""

from starlette.types import Scope


def header(scope: Scope, name: str) -> str | None:
    """
    The last value of a header.
    """
    wanted = name.encode("latin-1")
    found: bytes | None = None
    for key, value in scope["headers"]:
        if key == wanted:
            found = value
    return None if found is None else found.decode("latin-1")


def route_path(scope: Scope) -> str:
    """
    The path as the routes of this app see it, without the prefix under which it is mounted.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root + "/"):
        return path[len(root) :]
    return "/" if root and path == root else path


def prefix(scope: Scope) -> str:
    """
    What stands before every path of ours in a URL.
    """
    root: str = scope.get("root_path", "")
    return root.rstrip("/")
