"""
Where vectors are kept and compared: in the store itself, in a Qdrant server, or in Qdrant Edge inside the process.
"""

from avance.apps.documents.vectors.choice import kept, vectors_of
from avance.apps.documents.vectors.port import Near, Owned, Point, Vectors

__all__ = ["Near", "Owned", "Point", "Vectors", "kept", "vectors_of"]
