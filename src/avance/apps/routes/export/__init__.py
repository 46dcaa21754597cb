"""
Schedules as files: CSV, XLSX, PDF, GeoJSON, and JSON of the contract.
"""
