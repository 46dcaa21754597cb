"""
Thin bridges into what people already run.
"""
