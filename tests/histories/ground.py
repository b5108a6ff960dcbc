"""Where a history takes place: a folder with its source and its sinks, and how both are made and looked at.

Whatever starts the engine does so in a child: a process that forks sessions must not have started it.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from compiler.projects import compiled
from crash.points import Hurt
from crash.sessions import Session, forked
from crash.sinks import copied, in_child, of_sqlite
from crash.world import Place
from firn_runtime.artifact_file import load_any
from firn_runtime.history import state_of, watermarks
from histories import far, server
from histories.judgement import Seen
from histories.promise import Content
from histories.shapes import SINKS, SOURCE, SOURCES, Flow, Row, Sink


class Ground:
    """A folder and a flow in it."""

    def __init__(self, folder: Path, flow: Flow) -> None:
        self.folder = folder
        self._session = 0
        self._environ = {**server.environ_of(folder), **far.environ_of()}
        (folder / SINKS).mkdir(parents=True)
        (folder / SOURCE).mkdir()
        self.use(flow)

    def use(self, flow: Flow) -> None:
        """Compile the flow that the sessions from now on run."""
        compilation = compiled(flow.text, flow.platform)
        assert compilation.artifact is not None, [one.said for one in compilation.diagnostics]
        self.flow, self.artifact = flow, compilation.artifact

    def end(self) -> None:
        """Remove what lies elsewhere."""
        server.end(self.folder)
        far.end(self._environ)

    def fill(self, rows: Iterable[Row]) -> None:
        """Let the source hold these rows and no others."""
        self.empty()
        (self.folder / SOURCE).mkdir()
        held = sorted(rows)
        in_child(lambda: SOURCES[self.flow.source].fill(self.folder / SOURCE, held, self.flow.cursor))

    def empty(self) -> None:
        """Let there be no source."""
        shutil.rmtree(self.folder / SOURCE, ignore_errors=True)
        if self.flow.source == "postgres":
            with server.connected(self.folder) as shop:
                shop.execute(server.named(self.folder, "drop table if exists {}", "orders"))

    def forget(self) -> None:
        """Lose what runs have left in their workspaces, as a pod does that is replaced."""
        shutil.rmtree(self.folder / ".firn" / "work", ignore_errors=True)

    def blocked(self, sink: Sink) -> AbstractContextManager[None]:
        """Let nothing be written to a sink."""
        if sink.kind == "postgres":
            return _a_view_for(self.folder, sink.step)
        if sink.kind in far.KINDS:
            return self._out_of_reach(sink.kind)
        return _a_folder_for(self.folder / SINKS / sink.file, self.folder / "aside", swap=sink.kind == "files")

    @contextmanager
    def _out_of_reach(self, kind: str) -> Iterator[None]:
        within, self._environ = self._environ, self._environ | far.out_of_reach(kind)
        try:
            yield
        finally:
            self._environ = within

    def run(self, resume: str | None, hurt: Hurt | None) -> Session:
        """Run one session in a process of its own."""
        self._session += 1
        return forked(Place(self.folder, self.artifact, self._environ), self._session, resume, hurt)

    def look(self) -> Seen:
        """Return what there is now."""
        found = {one.step: self._content(one) for one in self.flow.sinks}
        return Seen(found, self._watermark())

    def _content(self, sink: Sink) -> Content:
        place = self.folder / SINKS / sink.file
        rows = in_child(lambda: _LOOKS[sink.kind](place, sink.step, self._environ))
        return Counter((int(n), int(number)) for n, number in rows)

    def _watermark(self) -> Any:
        artifact = load_any(self.artifact)
        with state_of(artifact, {}, self.folder) as state:
            listed: Any = watermarks(state, artifact, None).document["watermarks"]
        values = [one["value"] for one in listed if one["step"] == self.flow.read]
        return self.flow.cursor.read(values[0]) if values else None


@contextmanager
def _a_folder_for(place: Path, aside: Path, *, swap: bool) -> Iterator[None]:
    """Put a folder where a sink's file should be; a file where it is a folder (`swap`)."""
    aside.mkdir()
    for one in place.parent.glob(f"{place.name}*"):  # what a database keeps beside it, too
        one.rename(aside / one.name)
    place.write_text("") if swap else place.mkdir()
    try:
        yield
    finally:
        place.unlink() if swap else shutil.rmtree(place)
        for one in aside.iterdir():
            one.rename(place.parent / one.name)
        aside.rmdir()


@contextmanager
def _a_view_for(folder: Path, table: str) -> Iterator[None]:
    """Put a view where a sink's table should be."""
    with server.connected(folder) as warehouse:
        aside = server.has(warehouse, folder, table)
        if aside:
            warehouse.execute(server.named(folder, "alter table {} rename to aside", table))
        warehouse.execute(server.named(folder, "create view {} as select 1 as n", table))
        try:
            yield
        finally:
            server.settle(warehouse, folder)
            warehouse.execute(server.named(folder, "drop view {}", table))
            if aside:
                statement = server.named(folder, f"alter table {{}} rename to {table}", "aside")
                warehouse.execute(statement)


def _in_postgres(folder: Path, table: str) -> list[Any]:
    with server.connected(folder) as warehouse:
        server.settle(warehouse, folder)
        if not server.has(warehouse, folder, table):
            return []
        return warehouse.execute(server.named(folder, "select n, id from {}", table)).fetchall()


def _in_duckdb(file: Path, table: str) -> list[Any]:
    import duckdb

    with copied(file) as copy:
        if not copy.exists() or copy.stat().st_size == 0:
            return []
        with duckdb.connect(str(copy)) as connection:
            there = connection.execute("select 1 from duckdb_tables() where table_name = ?", [table]).fetchall()
            return connection.execute(f'select n, id from "{table}"').fetchall() if there else []


def _in_sqlite(file: Path, table: str) -> list[Any]:
    return of_sqlite(file, table, f'select n, id from "{table}"')


def _in_files(folder: Path) -> list[Any]:
    import duckdb

    files = [str(one) for one in sorted(folder.glob("*.parquet")) if not one.name.startswith(".")]
    return [row for one in files for row in duckdb.sql(f"select n, id from '{one}'").fetchall()]


_LOOKS: Mapping[str, Callable[[Path, str, Mapping[str, str]], list[Any]]] = {
    "duckdb": lambda place, step, _: _in_duckdb(place, step),
    "files": lambda place, _, __: _in_files(place),
    "mysql": lambda _, step, environ: far.in_mysql(environ, step),
    "postgres": lambda place, step, _: _in_postgres(place.parents[1], step),
    "s3": lambda _, step, environ: far.in_s3(environ, step),
    "sqlite": lambda place, step, _: _in_sqlite(place, step),
}
