"""What the protocol says, without I/O. Nothing here imports sockets, clocks or threads."""
