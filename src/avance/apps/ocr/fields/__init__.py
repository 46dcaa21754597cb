"""
From words to fields: what kind of document it is, what stands in it, whether that can be true, and what follows.
"""
