"""
The Centrifugo client protocol without I/O: messages, codes, codecs, deltas, the order of a session and recovery decisions.
"""
