"""
The HTTP interfaces of both contracts.
"""
