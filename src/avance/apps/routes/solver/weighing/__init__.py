"""
Plans by a weighted goal: a bus more may be worth its kilometres.
"""
