"""
The load generator.
"""
