"""Who is on a contact list, and who of them is there; without I/O."""
