"""
The answers of the contract, the same from the server and from functions.
"""

from collections.abc import Sequence
from typing import Any

from avance.apps.ocr.model import Document


def taken(request_id: str, documents: Sequence[Document]) -> dict[str, Any]:
    return {
        "requestId": request_id,
        "documents": [
            {
                "id": one.id,
                "platform_document_id": one.platform_document_id,
                "status": one.status.value,
            }
            for one in documents
        ],
        "message": _message(documents),
    }


def taken_in_camel_case(request_id: str, documents: Sequence[Document]) -> dict[str, Any]:
    return {"success": True, "message": _message(documents), "requestId": request_id}


def taken_of_platform(request_id: str, documents: Sequence[Document]) -> dict[str, Any]:
    count = len(documents)
    return {
        "message": _message(documents),
        "status": "accepted",
        "owner_user_name": documents[0].owner_user_name,
        "enqueued": count,
        "failed": 0,
        "total": count,
        "batch_id": request_id,
        "note": "Results are sent to url_response and told on the socket",
    }


def _message(documents: Sequence[Document]) -> str:
    return f"{len(documents)} documents were taken"


def called_back(changed: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """
    Args:
        changed: Documents, each with its status now.
    """
    document_id, status = changed[0]
    count = len(changed)
    return {
        "success": True,
        "message": f"{count} documents updated" if count > 1 else "Document updated",
        "document_id": document_id,
        "status": status,
    }
