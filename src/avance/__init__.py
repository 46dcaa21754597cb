"""
avance: durable jobs, a gap-free live event stream to the browser, and user notifications.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
