"""The roles, which make the answers of the service, without I/O.

They are async functions over the stores, and are called by a host or by a test.
"""
