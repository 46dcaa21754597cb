"""
What a backend implements. Each port has a conformance suite in `avance.testing` that every backend passes.
"""
