"""
Uploads that survive a cut: the tus protocol, version 1.0.0 (https://tus.io), with creation, creation-with-upload, checksum, expiration and termination.
"""
