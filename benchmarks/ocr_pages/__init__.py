"""
Papers of nobody: letters, invoices, receipts and identity specimens, drawn from a seed, and the truth about each.
"""

from benchmarks.ocr_pages.damage import CONDITIONS, damaged
from benchmarks.ocr_pages.letters import letter
from benchmarks.ocr_pages.papers import PAPERS, Paper

__all__ = ["CONDITIONS", "PAPERS", "Paper", "damaged", "letter"]
