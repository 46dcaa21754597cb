"""
What RQ runs in the question of engines, in a module of its own: RQ imports it anew in the process that it forks for each job.
"""


def nothing() -> int:
    return 1
