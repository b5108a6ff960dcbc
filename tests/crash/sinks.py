"""What lies in the sinks and in the state of a place. Nothing is changed by looking: of files, copies are opened.

Every function that opens DuckDB does so in a child: a process that forks must not have started the engine.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from crash.world import Place, World
from firn_runtime.connectors.databases.loads import TABLE
from firn_runtime.identifiers import identifier
from servers.postgres import connected

Rows = list[list[Any]]
_LOADS = f'select "job", "step", "run", "published_at", "rows" from {{}}.{TABLE} order by "job", "step"'
_OWN = ("firn_", "_firn_", "sqlite_")


class Look(NamedTuple):
    """What is there: tables and files with their rows, and what was published when."""

    tables: Mapping[str, Rows]
    """Rows in no order but that of their text, by `sink:table`."""
    published: Mapping[str, str]
    """What tells one publication from the next: a file's inode and time, or a row's time, by `sink:step` or file."""
    doubled: tuple[str, ...]
    """Steps with more than one publication row."""
    stray: tuple[str, ...]
    """Files below `out` that no step publishes."""


def look(world: World, place: Place, *, whole: bool) -> Look:
    """Return what lies in the sinks; the tables and files only where the `whole` is asked for."""
    return Look(**in_child(lambda: _look(world, place, whole=whole)))


def in_child(work: Callable[[], Any]) -> Any:
    """Return what `work` returns, which is JSON, from a child; raise RuntimeError where it raises."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(work, into)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        answer = json.loads(pipe.read() or b'{"error": "it died"}')
    os.waitpid(child, 0)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["value"]


def _answer(work: Callable[[], Any], into: int) -> None:
    try:
        answer = {"value": work()}
    except BaseException as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    with os.fdopen(into, "wb") as pipe:
        pipe.write(json.dumps(answer, default=str).encode())
    os._exit(0)


def done_steps(world: World, place: Place, state: str) -> set[tuple[str, str]]:
    """Return (job, step) of what the state records as done; nothing where there is no state yet."""
    sql = "select job, step from {}firn_steps where status = 'SUCCESS'"
    if state == "sqlite":
        found = of_sqlite(place.folder / "state" / "state.db", "firn_steps", sql.format(""))
        return {(str(job), str(step)) for job, step in found}
    with connected(world.server, world.database) as connection:
        home = identifier(place.state_schema)
        if connection.execute("select to_regclass(%s)", [f"{home}.firn_steps"]).fetchone() == (None,):
            return set()
        rows = connection.execute(sql.format(f"{home}.").encode()).fetchall()
        return {(str(job), str(step)) for job, step in rows}


def of_sqlite(file: Path, table: str, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; nothing where the file or the table is not there."""
    with copied(file) as copy:
        if not copy.exists():
            return []
        connection = sqlite3.connect(copy)
        try:
            there = connection.execute("select 1 from sqlite_master where name = ?", [table]).fetchall()
            return connection.execute(sql).fetchall() if there else []
        finally:
            connection.close()


class copied:  # noqa: N801  # it reads as a word
    """A file and what its database keeps beside it, copied for a look."""

    def __init__(self, file: Path) -> None:
        self.file, self.folder = file, TemporaryDirectory(dir="/dev/shm", prefix="firn-look-")

    def __enter__(self) -> Path:
        target = Path(self.folder.name) / self.file.name
        for ending in ("", ".wal", ".wal.checkpoint", ".wal.recovery", "-wal", "-journal"):
            beside = self.file.with_name(self.file.name + ending)
            if beside.exists():
                shutil.copyfile(beside, target.with_name(target.name + ending))
        return target

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()


def _look(world: World, place: Place, *, whole: bool) -> dict[str, Any]:
    out = place.folder / "out"
    sinks: dict[str, tuple[Mapping[str, Rows], Rows]] = {
        "warehouse": _duckdb(out / "warehouse.duckdb", whole=whole),
        "ledger": _sqlite(out / "ledger.sqlite", whole=whole),
        "shop": _postgres(world, place, whole=whole),
    }
    files = {str(path.relative_to(out)): path for path in sorted(out.rglob("*")) if path.is_file()}
    exports = {name: path for name, path in files.items() if name.startswith("exports/")}
    tables = {f"{sink}:{name}": rows for sink, (found, _) in sinks.items() for name, rows in found.items()}
    published = {f"{sink}:{row[0]}.{row[1]}": str(row[3]) for sink, (_, loads) in sinks.items() for row in loads}
    seen = [f"{sink}:{row[0]}.{row[1]}" for sink, (_, loads) in sinks.items() for row in loads]
    for name, path in exports.items():
        if not path.name.startswith("."):
            published[name] = f"{path.stat().st_ino} {path.stat().st_mtime_ns}"
    return {
        "tables": tables | (_read_files(exports) if whole else {}),
        "published": published,
        "doubled": tuple(name for name in seen if seen.count(name) > 1),
        "stray": tuple(name for name, path in files.items() if path.name.startswith(".") or name not in EXPECTED),
    }


EXPECTED = (
    "warehouse.duckdb",
    "warehouse.duckdb.wal",  # of a session that was killed: it is committed, and the next to open the file reads it
    "ledger.sqlite",
    "ledger.sqlite-journal",  # of a session that was killed: the next to open the file rolls it back
    "exports/days.parquet",
    "exports/marks/mark.csv",
    "exports/marks/mark.parquet",
    "exports/reports/lines.csv",
    "exports/reports/summary.parquet",
)
"""Every file that may be there at the end."""


_HEADERS = 3 * 4096
"""Bytes of the smallest DuckDB file: its header, and two of its database."""


def _duckdb(file: Path, *, whole: bool) -> tuple[dict[str, Rows], Rows]:
    import duckdb

    with copied(file) as copy:
        if not copy.exists() or copy.stat().st_size < _HEADERS:
            return {}, []  # a session was killed as it made the file
        with duckdb.connect(str(copy)) as connection:
            sql = "select schema_name, table_name from duckdb_tables()"
            names = [(str(home), str(name)) for home, name in connection.execute(sql).fetchall()]
            loads = [home for home, name in names if name == TABLE]
            rows = [list(row) for home in loads for row in connection.execute(_LOADS.format(home)).fetchall()]
            tables = {
                f"{home}.{name}": _sorted(connection.execute(f'from "{home}"."{name}"').fetchall())
                for home, name in names
                if whole and not name.startswith(_OWN)
            }
            return tables, rows


def _sqlite(file: Path, *, whole: bool) -> tuple[dict[str, Rows], Rows]:
    names = [str(row[0]) for row in of_sqlite(file, TABLE, "select name from sqlite_master where type = 'table'")]
    loads = [list(row) for row in of_sqlite(file, TABLE, _LOADS.format("main"))]
    wanted = [name for name in names if whole and not name.startswith(_OWN)]
    return {name: _sorted(of_sqlite(file, name, f'select * from "{name}"')) for name in wanted}, loads


def _postgres(world: World, place: Place, *, whole: bool) -> tuple[dict[str, Rows], Rows]:
    with connected(world.server, world.database) as connection:
        sql = "select tablename from pg_tables where schemaname = %s"
        names = [str(name) for (name,) in connection.execute(sql, [place.schema]).fetchall()]
        home = identifier(place.schema)
        loads = connection.execute(_LOADS.format(home).encode()).fetchall() if TABLE in names else []
        tables = {
            name: _sorted(connection.execute(f"select * from {home}.{identifier(name)}".encode()).fetchall())
            for name in names
            if whole and not name.startswith(_OWN)
        }
        return tables, [list(row) for row in loads]


def _read_files(exports: Mapping[str, Path]) -> dict[str, Rows]:
    import duckdb

    found: dict[str, Rows] = {}
    with duckdb.connect() as connection:
        for name, path in exports.items():
            reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
            found[f"file:{name}"] = _sorted(connection.execute(f"from {reader}('{path}')").fetchall())
    return found


def _sorted(rows: list[Any]) -> Rows:
    return sorted(([str(value) for value in row] for row in rows), key=str)
