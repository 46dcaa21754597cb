"""
Documents: from a dropped file to an answer with its source.
"""

from avance import App

app = App("documents", extra="documents")
