"""
What every question needs: servers as processes on one core, the load generator on the other, and the report.
"""
