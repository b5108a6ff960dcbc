"""What databases have in common: the modes of a write, its record in the target, servers that are watched."""
