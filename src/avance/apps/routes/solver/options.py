"""
How long and how hard to search. Apart from the search, so that whoever asks for one need not import numpy.
"""

import msgspec


class SearchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """
    A run that meets no time limit is repeatable.
    """

    seed: int = 1
    shakes: int = 60
    """Plans by matching, for each block."""
    search_s: float = 30.0
    """For column generation and dive of all blocks together, shared by their sizes."""
    selection_s: float = 5.0
    """Of a processor, for choosing among chains, for each block: a busy machine comes to the same plan, later."""
    balance_minutes: float = 0.0
    """What one move towards even load may cost."""
