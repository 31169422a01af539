"""The wire format of MSNP for both ends: commands, lines, payloads, dialects and challenges."""
