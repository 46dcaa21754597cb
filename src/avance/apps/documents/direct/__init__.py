"""
Large files that go past us: the browser sends their parts straight into the bucket, to addresses that we sign.
"""
