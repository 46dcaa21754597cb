"""
How far a text is from the truth.
"""

import unicodedata
from collections import Counter

import numpy as np


def normal(text: str) -> str:
    return " ".join(text.split())


def cer(truth: str, read: str) -> float:
    """
    Edits for each character of the truth, white space as one.
    """
    one, other = normal(truth), normal(read)
    if not one:
        return float(bool(other))
    codes = np.array([ord(char) for char in other], dtype=np.int64)
    steps = np.arange(len(other) + 1)
    row = steps.copy()
    for number, char in enumerate(one, 1):
        changed = row[:-1] + (codes != ord(char))
        best = np.minimum(row + 1, np.concatenate(([number], changed)))
        # What is put in costs one a step; the running least gives each its cheapest way.
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1]) / len(one)


def word_f1(truth: str, read: str) -> float:
    one, other = Counter(truth.split()), Counter(read.split())
    shared = sum((one & other).values())
    return 2 * shared / (sum(one.values()) + sum(other.values())) if shared else 0.0


def unaccented(text: str) -> str:
    """
    In capitals and without accents: names are compared so.
    """
    parts = unicodedata.normalize("NFD", text)
    return "".join(char for char in parts if not unicodedata.combining(char)).upper()
