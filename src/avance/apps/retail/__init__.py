"""
A small real inventory, and the notifications that it raises.
"""

from avance import App

app = App("retail", extra="notices")
