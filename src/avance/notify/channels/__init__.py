"""
The ways out of the house, a file for each. They are imported only where they are set up, because each needs a library of its own.
"""
