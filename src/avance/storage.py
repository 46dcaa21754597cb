"""
For apps that keep tables and files of their own.
"""

from avance.app.records import Records
from avance.model.stream import Append, Publication
from avance.ports.blobs import Blob, Blobs
from avance.ports.outage import Outage
from avance.ports.records import Changes, Engine, Row, Rows, Schema, load_schema
from avance.ports.store import Durability

__all__ = [
    "Append",
    "Blob",
    "Blobs",
    "Changes",
    "Durability",
    "Engine",
    "Outage",
    "Publication",
    "Records",
    "Row",
    "Rows",
    "Schema",
    "load_schema",
]
