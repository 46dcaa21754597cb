"""
The client side of avance for Python programs. Its parts are imported by name: the bar alone needs nothing that is not in the core.
"""
