"""Everything that a service remembers: the protocols of the stores, and the stores themselves."""
