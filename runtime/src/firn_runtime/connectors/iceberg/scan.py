"""The rows of a table's current snapshot: which files hold them, fetched, and one SELECT over them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.iceberg.manifests import (
    LARGEST,
    LENGTH,
    MOST_FILES,
    PATH,
    Held,
    entries,
    held,
    is_live,
    listed,
    parsed,
)
from firn_runtime.connectors.iceberg.places import Places, Wanted
from firn_runtime.connectors.iceberg.shapes import Columns, Shape, scan, shapes
from firn_runtime.connectors.iceberg.table import Table
from firn_runtime.connectors.iceberg.types import Field
from firn_runtime.engine import Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import literal

FILE = "_firn_file"
"""Names the column that says in which file a row lies."""
_ROW = "file_row_number"
_PATH_ID, _POS_ID = 2147483546, 2147483545
"""Reserved field ids of position delete files (Iceberg, section Reserved Field IDs)."""


class Selected(NamedTuple):
    """Rows to come, and the bytes of the files that hold them."""

    sql: str
    bytes: int


def snapshot_files(table: Table, places: Places, folder: Path) -> Sequence[Held]:
    """Return what the current snapshot holds; raise ConnectorError for what would be read wrongly."""
    if table.current is None:
        return ()
    name = table.current.manifest_list
    manifests = [one for one in listed(places.content(Wanted(name), LARGEST, folder), name) if is_live(one)]
    content = places.fetch([Wanted(str(one[PATH]), _small(one[LENGTH], str(one[PATH]))) for one in manifests], folder)
    found: list[Held] = []
    for one in manifests:
        path = str(one[PATH])
        found += [held(entry, one, path) for entry in entries(parsed(content[path].read_bytes(), path), path)]
        if len(found) > MOST_FILES:
            raise ConnectorError("data", f"the table has more than {MOST_FILES:,} files", "compact it")
    _refuse_repeated(found)
    return found


def _refuse_repeated(files: Sequence[Held]) -> None:
    """The specification does not say whether the rows of a file that is named twice count twice: programs differ."""
    known = set[str]()
    for one in files:
        if one.path in known:
            help = "overwrite or compact the table by another engine, so that it names the file once"
            raise ConnectorError("data", f"the table names its file `{shown(one.path)}` twice", help)
        known.add(one.path)


def _small(length: int, path: str) -> int:
    if length > LARGEST:
        raise ConnectorError("data", f"`{shown(path)}` is larger than {LARGEST >> 20} MiB")
    return length


def wanted_fields(table: Table, columns: Sequence[str] | None) -> Sequence[Field]:
    """Return the columns that a step asks for; raise ConnectorError for names that the engine takes for one."""
    names = {one.lower() for one in columns} if columns is not None else None
    found = [one for one in table.fields if names is None or one.name.lower() in names]
    if len({one.name.lower() for one in found}) != len(found):
        raise ConnectorError("data", "the table has two columns of one name, but for its case")
    return found or table.fields[:1]


def selected(session: Session, table: Table, places: Places, folder: Path, columns: Sequence[str] | None) -> Selected:
    """Return the rows of the table, with at least the columns that are asked for; its files are fetched."""
    held = snapshot_files(table, places, folder)
    made = Columns(table, wanted_fields(table, columns))
    parts = _selects(session, made, places.fetch([Wanted(one.path, one.size) for one in held], folder), held, "")
    return Selected("\nUNION ALL\n".join(parts) or made.nothing(), sum(one.size for one in held))


class Rows(NamedTuple):
    """The rows of a table with the column FILE, and the locations of its data files by what stands in that."""

    sql: str
    locations: Mapping[str, str]


def rows_with_files(session: Session, table: Table, places: Places, folder: Path) -> Rows:
    """Return the rows of a table, all of its columns, each with its file."""
    held = snapshot_files(table, places, folder)
    local = places.fetch([Wanted(one.path, one.size) for one in held], folder)
    made = Columns(table, wanted_fields(table, None))
    parts = _selects(session, made, local, held, f", {FILE}")
    nothing = f"SELECT *, '' AS {FILE} FROM ({made.nothing()})"
    locations = {str(local[one.path]): one.path for one in held if one.kind == "data"}
    return Rows("\nUNION ALL\n".join(parts) or nothing, locations)


def _selects(
    session: Session, made: Columns, local: Mapping[str, Path], held: Sequence[Held], more: str
) -> Sequence[str]:
    for one in held:
        if one.kind == "equality":
            help = "compact the table, so that its equality deletes are applied"
            raise ConnectorError("data", "the table has equality deletes, which this version does not read", help)
    data = {local[one.path]: one for one in held if one.kind == "data"}
    deletes = _deletes(session, [one for one in held if one.kind == "positions"], local)
    touched = _touched(session, deletes, data)
    parts: list[str] = []
    for shape in shapes(session, list(data)):
        columns = made.of(shape, {data[one].spec for one in shape.files}) + more
        parts += _parts(columns, shape, {one: data[one] for one in shape.files if one in touched}, deletes)
    return parts


def _parts(columns: str, shape: Shape, touched: Mapping[Path, Held], deletes: str) -> Sequence[str]:
    """Return the SELECTs over files of a shape: those that rows were deleted from are looked at row by row."""
    whole, named = [one for one in shape.files if one not in touched], f"filename = {literal(FILE)}"
    parts = [f"SELECT {columns} FROM {scan(whole, named)}"] if whole else []
    if touched:
        rows = scan(list(touched), named, "file_row_number = true")
        gone = f"SELECT _places.file, _deletes.pos FROM ({deletes}) AS _deletes JOIN {_values(touched)}"
        gone += " ON _deletes.file_path = _places.path AND _deletes.sequence >= _places.sequence"
        parts.append(
            f"SELECT {columns} FROM {rows} AS _rows ANTI JOIN ({gone}) AS _gone"
            f" ON _gone.file = _rows.{FILE} AND _gone.pos = _rows.{_ROW}"
        )
    return parts


def _values(files: Mapping[Path, Held]) -> str:
    rows = ", ".join(f"({literal(str(file))}, {literal(one.path)}, {one.sequence})" for file, one in files.items())
    return f"(VALUES {rows}) AS _places(file, path, sequence)"


def _deletes(session: Session, files: Sequence[Held], local: Mapping[str, Path]) -> str:
    """Return SQL for the rows that position delete files name."""
    sequences = {local[one.path]: one.sequence for one in files}
    parts = []
    for shape in shapes(session, list(sequences)):
        names = {node.id: node.name for node in shape.columns}
        if (names.get(_PATH_ID), names.get(_POS_ID)) != ("file_path", "pos"):
            raise ConnectorError("data", "a delete file of the table has not the right shape")
        for sequence in sorted({sequences[file] for file in shape.files}):
            some = [file for file in shape.files if sequences[file] == sequence]
            parts.append(f"SELECT file_path, pos, {sequence} AS sequence FROM {scan(some)}")
    return " UNION ALL ".join(parts)


def _touched(session: Session, deletes: str, data: Mapping[Path, Held]) -> frozenset[Path]:
    if not deletes:
        return frozenset()
    paths = {str(path) for (path,) in session.execute(f"SELECT DISTINCT file_path FROM ({deletes})")}
    return frozenset(file for file, one in data.items() if one.path in paths)
