"""Contact lists, presence of contacts and offline messages; without I/O."""
