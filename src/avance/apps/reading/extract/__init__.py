"""
One module for each format; they run in the child.
"""
