"""The SQL of DuckDB that reads and writes places. It stands on nothing: the floors' environment imports it as well."""

from pathlib import Path
from typing import Protocol

EXTENSIONS = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
DATABASES = ("duckdb", *EXTENSIONS)


class Place(Protocol):
    """What is needed of a place."""

    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def table(self) -> str: ...


def opening(packages: Path, place: Place, alias: str, *, read_only: bool = True) -> list[str]:
    """Return the statements that load what `place` needs and attach it; `packages` has the extensions' wheels."""
    if place.kind not in DATABASES:
        return []
    statements = []
    if extension := EXTENSIONS.get(place.kind):
        (file,) = packages.glob(f"duckdb_extension_{extension}/extensions/*/*.duckdb_extension")
        statements.append(f"load '{file}'")
    options = f"type {place.kind}" + (", read_only" if read_only else "")
    return [*statements, f"attach '{place.at}' as {alias} ({options})"]


def reading(place: Place, alias: str = "source") -> str:
    """Return what stands behind FROM."""
    return f"{alias}.{place.table}" if place.kind in DATABASES else f"read_{place.kind}('{place.at}')"


def writing(place: Place, rows: str, alias: str = "target") -> list[str]:
    """Return the statements that put the rows of a FROM into `place`, which does not hold them yet."""
    if place.kind == "csv":
        return [f"copy (from {rows}) to '{place.at}' (format csv, header)"]
    if place.kind == "parquet":
        return [f"copy (from {rows}) to '{place.at}' (format parquet, compression zstd)"]
    schema, table = place.table.split(".")
    return [f"create schema if not exists {alias}.{schema}", f"create table {alias}.{schema}.{table} as from {rows}"]
