"""Where a history takes place: a folder with its source and its sinks, and how both are made and looked at.

Whatever starts the engine does so in a child: a process that forks sessions must not have started it.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compiler.projects import compiled
from crash.points import Hurt
from crash.sessions import Session, forked
from crash.sinks import copied, in_child
from crash.world import Place
from firn_runtime.artifact_file import load_any
from firn_runtime.history import state_of, watermarks
from histories.judgement import Seen
from histories.promise import Content
from histories.shapes import SINKS, SOURCE, SOURCES, Flow, Row, Sink


class Ground:
    """A folder and a flow in it."""

    def __init__(self, folder: Path, flow: Flow) -> None:
        self.folder = folder
        self._session = 0
        (folder / SINKS).mkdir(parents=True)
        (folder / SOURCE).mkdir()
        self.use(flow)

    def use(self, flow: Flow) -> None:
        """Compile the flow that the sessions from now on run."""
        compilation = compiled(flow.text, flow.platform)
        assert compilation.artifact is not None, [one.said for one in compilation.diagnostics]
        self.flow, self.artifact = flow, compilation.artifact

    def fill(self, rows: Iterable[Row]) -> None:
        """Let the source hold these rows and no others."""
        self.empty()
        (self.folder / SOURCE).mkdir()
        held = sorted(rows)
        in_child(lambda: SOURCES[self.flow.source].fill(self.folder / SOURCE, held, self.flow.cursor))

    def empty(self) -> None:
        """Let there be no source."""
        shutil.rmtree(self.folder / SOURCE, ignore_errors=True)

    def forget(self) -> None:
        """Lose what runs have left in their workspaces, as a pod does that is replaced."""
        shutil.rmtree(self.folder / ".firn" / "work", ignore_errors=True)

    @contextmanager
    def blocked(self, sink: Sink) -> Iterator[None]:
        """Let nothing be written to a sink: where its file should be is a folder, or the other way round."""
        file = self.folder / SINKS / sink.file
        aside = self.folder / "aside"
        aside.mkdir()
        for one in file.parent.glob(f"{file.name}*"):  # what a database keeps beside it, too
            one.rename(aside / one.name)
        file.write_text("") if sink.kind == "files" else file.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(file) if file.is_dir() else file.unlink()
            for one in aside.iterdir():
                one.rename(file.parent / one.name)
            aside.rmdir()

    def run(self, resume: str | None, hurt: Hurt | None) -> Session:
        """Run one session in a process of its own."""
        self._session += 1
        return forked(Place(self.folder, self.artifact, {}), self._session, resume, hurt)

    def look(self) -> Seen:
        """Return what there is now."""
        found = {one.step: self._content(one) for one in self.flow.sinks}
        return Seen(found, self._watermark())

    def _content(self, sink: Sink) -> Content:
        place = self.folder / SINKS / sink.file
        rows = in_child(lambda: _LOOKS[sink.kind](place, sink.step))
        return Counter((int(n), int(number)) for n, number in rows)

    def _watermark(self) -> Any:
        artifact = load_any(self.artifact)
        with state_of(artifact, {}, self.folder) as state:
            listed: Any = watermarks(state, artifact, None).document["watermarks"]
        values = [one["value"] for one in listed if one["step"] == self.flow.read]
        return self.flow.cursor.read(values[0]) if values else None


def _in_duckdb(file: Path, table: str) -> list[Any]:
    import duckdb

    with copied(file) as copy:
        if not copy.exists() or copy.stat().st_size == 0:
            return []
        with duckdb.connect(str(copy)) as connection:
            there = connection.execute("select 1 from duckdb_tables() where table_name = ?", [table]).fetchall()
            return connection.execute(f'select n, id from "{table}"').fetchall() if there else []


def _in_sqlite(file: Path, table: str) -> list[Any]:
    with copied(file) as copy:
        if not copy.exists():
            return []
        connection = sqlite3.connect(copy)
        try:
            there = connection.execute("select 1 from sqlite_master where name = ?", [table]).fetchall()
            return connection.execute(f'select n, id from "{table}"').fetchall() if there else []
        finally:
            connection.close()


def _in_files(folder: Path, step: str) -> list[Any]:
    import duckdb

    del step
    files = [str(one) for one in sorted(folder.glob("*.parquet")) if not one.name.startswith(".")]
    return [row for one in files for row in duckdb.sql(f"select n, id from '{one}'").fetchall()]


_LOOKS = {"duckdb": _in_duckdb, "files": _in_files, "sqlite": _in_sqlite}
