"""
Vehicles that stand at depots, so many of each kind: which of them drives what, with a proven bound.
"""
