"""
Words: which language, which stems, which of them matter.
"""
