"""
What this system refuses.
"""

from avance.errors import Conflict, InvalidRequest, NotFound, Unauthenticated


class BadDocument(InvalidRequest):
    code = "ocr_invalid"
    status = 400


class DocumentUnknown(NotFound):
    code = "ocr_document_not_found"


class PageUnknown(NotFound):
    code = "ocr_page_not_found"


class DocumentDecided(Conflict):
    code = "ocr_document_final"


class NotAuthentic(Unauthenticated):
    code = "ocr_not_authentic"


class AddressRefused(InvalidRequest):
    code = "ocr_address_refused"
    status = 400
