"""
The search: arrays in, chains out. It knows nothing of stops, files or jobs, and runs in a process of its own.
"""
