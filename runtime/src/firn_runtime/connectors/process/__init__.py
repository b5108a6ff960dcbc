"""Programs of this machine."""
