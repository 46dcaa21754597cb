"""
Travel times on roads: asked of OSRM in tables, kept in a cache, and simply unknown where neither has them.
"""
