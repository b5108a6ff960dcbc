"""HTTP APIs that answer JSON."""
