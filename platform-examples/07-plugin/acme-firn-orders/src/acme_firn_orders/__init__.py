"""Acme's order files in Firn."""
