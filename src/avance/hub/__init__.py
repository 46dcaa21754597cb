"""
Live channels of one node: who listens, what they have seen, and how it reaches them. In-process, one event loop.
"""
