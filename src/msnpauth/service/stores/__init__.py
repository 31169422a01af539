"""What a service remembers: one protocol, and the stores that keep it."""
