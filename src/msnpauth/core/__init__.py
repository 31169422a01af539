"""The protocol without I/O. No module in this package imports sockets or threads."""
