"""
A day in two halves whose buses are joined by links over the calm between them: the linear program of pieces of buses, not of whole ones.
"""
