"""What a service says, without I/O: async functions over the stores, pumped by a host or a test."""
