"""Firn's runtime: runs `compiled_artifacts.json` and nothing else."""

__version__ = "0.1.0"
