"""
The HTTP interface behind API Gateway or a Function URL: one function, which chooses by method and path.
"""

import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from avance.apps.ocr.aws.asked import Answer, Asked, Event, answered, read_event
from avance.apps.ocr.aws.desk import Desk
from avance.apps.ocr.aws.settings import AwsSettings, read_settings
from avance.errors import AvanceError, NotFound

Operation = Callable[..., Answer]
log = logging.getLogger("avance.ocr.aws")
PUBLIC = ("/api/ocr/callback", "/api/ocr/health")
"""The engine signs, or brings the token of its request."""
_ID = r"(?P<document_id>[^/]+)"


def _healthy(_: Asked) -> Answer:
    return answered({"success": True, "status": "healthy"})


class Http:
    """
    Made once for each container of the function.
    """

    def __init__(self, settings: AwsSettings) -> None:
        desk = Desk(settings)
        routes: tuple[tuple[str, str, Operation], ...] = (
            ("POST", "/api/ocr/process-documents", desk.process),
            ("POST", "/api/ocr/process-documents-admin", desk.process_admin),
            ("POST", "/api/v1/platform/process-documents-platform", desk.process_platform),
            ("POST", "/api/ocr/upload-links", desk.places),
            ("GET", f"/api/ocr/document/{_ID}", desk.find),
            ("GET", f"/api/ocr/document/{_ID}/history", desk.history),
            ("POST", f"/api/ocr/document/{_ID}/review", desk.review),
            ("GET", "/api/ocr/documents", desk.list),
            ("DELETE", f"/api/ocr/delete/{_ID}", desk.delete),
            ("GET", f"/api/ocr/public-file/{_ID}", desk.file),
            ("POST", "/api/ocr/cleanup-test-documents", desk.cleanup),
            ("POST", "/api/ocr/notify-update", desk.notify),
            ("POST", "/api/ocr/callback", desk.callback),
            ("GET", "/api/ocr/health", _healthy),
        )
        self._routes = [(method, re.compile(path), run) for method, path, run in routes]

    def handle(self, event: Event, _: object = None) -> Answer:
        """
        Errors are `{success: false, error}` with their code.
        """
        try:
            asked = read_event(event)
            operation = self._operation(asked)
            if asked.path not in PUBLIC:
                # The authorizer has refused already; a route that forgot to name it shall open nothing.
                asked.require_caller()
            return operation(asked)
        except AvanceError as error:
            log.info("%s is answered %d: %s", error.code, error.status, error.message)
            status = 400 if error.status == 422 else error.status
            return answered({"success": False, "error": error.message, "code": error.code}, status)

    def _operation(self, asked: Asked) -> Operation:
        for method, path, run in self._routes:
            found = path.fullmatch(asked.path)
            if found is not None and method == asked.method:
                return partial(run, **found.groupdict())
        raise NotFound(f"there is no {asked.method} {asked.path[:200]}")


_made: dict[str, Http] = {}


def http_handler(event: Event, context: object) -> Any:
    if "one" not in _made:
        log.setLevel(logging.INFO)
        _made["one"] = Http(read_settings())
    return _made["one"].handle(event, context)
