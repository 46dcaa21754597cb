"""
Routes: the school-bus optimizer.
"""

from avance import App

app = App("routes", extra="routes")
