"""
The inbox of each user: what is kept, what is counted, what goes out by mail and other ways.
"""
