"""
What avance talks about: jobs, events, channels, positions. Frozen values and pure functions; no I/O, no clock.
"""
