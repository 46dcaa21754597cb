"""
The HTTP interface of the contract.
"""
