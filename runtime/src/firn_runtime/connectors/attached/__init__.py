"""Databases that the engine attaches: DuckDB and SQLite files."""
