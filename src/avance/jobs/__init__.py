"""
Use cases of jobs: submit, run, report, cancel, retry, sweep, retain.
"""
