"""
Routes from workbooks and CSV files.
"""
