"""Data on disk: the ticket cache and the machine's GUID."""
