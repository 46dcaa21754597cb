from avance.errors import InvalidRequest


class Unreadable(InvalidRequest):
    """
    A file that cannot be read; the message says why, the code is stable.
    """

    code = "document_unreadable"
    status = 400
