"""Compares a target with its source, in the floors' environment: `contents.py SOURCE TARGET`, both places as JSON.

Every column of the source must be in the target with equal values, row by row, in any order: compared are the number
of rows, the sum of the 64-bit hashes of each column and the sum of those of whole rows. Values are cast to the source's
types first, since tools differ in these; which ones became others is told. Columns that a tool adds do not matter.
Printed is JSON: `rows`; `differs`, the columns, or `rows` where there are more or fewer, or `whole rows` where columns
are equal alone but not together; `types`, pairs of the source's type and the target's where they are not the same.
"""

import json
import sys
from pathlib import Path

import duckdb
from places import Place
from sql import opening, reading

PACKAGES = Path(duckdb.__file__).parents[1]
Types = dict[str, str]


def main() -> None:
    source, target = (Place(*json.loads(words)) for words in sys.argv[1:])
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for statement in opening(PACKAGES, target, "target"):
            connection.execute(statement)
        wanted = _described(connection, f"from {reading(source)}")
        types, rows = _seen(connection, target, wanted)
        if missing := [name for name in wanted if name not in types]:
            print(json.dumps({"rows": 0, "differs": missing, "types": []}))
            return
        expected = _sums(connection, f"(from {reading(source)})", wanted)
        found = _sums(connection, rows, wanted)
    differs = [name for name in expected if expected[name] != found[name]]
    if found["rows"] != expected["rows"]:
        differs = ["rows"]
    changed = sorted({(wanted[name], types[name]) for name in wanted if wanted[name] != types[name]})
    told = [name for name in differs if name != "whole rows"] or differs
    print(json.dumps({"rows": int(found["rows"]), "differs": told, "types": changed}))


def _described(connection: duckdb.DuckDBPyConnection, query: str) -> Types:
    return {row[0].lower(): row[1] for row in connection.execute(f"describe {query}").fetchall()}


def _seen(connection: duckdb.DuckDBPyConnection, target: Place, wanted: Types) -> tuple[Types, str]:
    """Return the target's types and its rows with the source's types; PostgreSQL says and casts its own."""
    if target.kind != "postgres":
        rows = reading(target, "target")
        casts = ", ".join(f'try_cast("{name}" as {kind}) as "{name}"' for name, kind in wanted.items())
        return _described(connection, f"from {rows}"), f"(select {casts} from {rows})"
    asked = "select attname, format_type(atttypid, atttypmod) from pg_attribute"
    asked += f" where attrelid = '{target.table}'::regclass and attnum > 0 and not attisdropped"
    types = {name.lower(): _spelled(kind) for name, kind in _asked(connection, asked)}
    casts = ", ".join(f'"{name}"::{_native(kind)} as "{name}"' for name, kind in wanted.items())
    query = f"select {casts} from {target.table}".replace("'", "''")
    return types, f"postgres_query('target', '{query}')"


def _asked(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    quoted = query.replace("'", "''")
    return connection.execute(f"from postgres_query('target', '{quoted}')").fetchall()


def _spelled(kind: str) -> str:
    """Return one of PostgreSQL's types in the engine's words, where it is the same."""
    same = {"character varying": "VARCHAR", "text": "VARCHAR", "double precision": "DOUBLE"}
    same["timestamp without time zone"] = "TIMESTAMP"
    return same.get(kind, kind.upper().replace("NUMERIC", "DECIMAL"))


def _native(kind: str) -> str:
    return {"DOUBLE": "double precision"}.get(kind, kind)


def _sums(connection: duckdb.DuckDBPyConnection, rows: str, columns: Types) -> dict[str, str]:
    chosen = [f'sum(hash("{name}")::hugeint)::varchar' for name in columns]
    whole = ", ".join(f'"{name}"' for name in columns)
    chosen += [f"sum(hash({whole})::hugeint)::varchar", "count(*)::varchar"]
    (found,) = connection.execute(f"select {', '.join(chosen)} from {rows}").fetchall()
    return dict(zip([*columns, "whole rows", "rows"], found, strict=True))


if __name__ == "__main__":
    main()
