"""What both ends say on a notification connection: commands, their lines, the dialects, queries."""
