"""
What turns a picture into words.
"""
