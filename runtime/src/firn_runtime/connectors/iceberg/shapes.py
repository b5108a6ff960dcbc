"""What Parquet files of a table hold, and how it becomes the table's columns: by field ids, never by chance of a name.

Files differ, since a table's schema changes and its old files stay. Those of one shape are read together.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.iceberg.table import Table
from firn_runtime.connectors.iceberg.types import Field, engine_type, field_of
from firn_runtime.connectors.values.assignment import takes
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal

_TREES = """
    SELECT list(file_name), nodes FROM (
        SELECT
            file_name,
            list(
                (
                    name, field_id, coalesce(num_children, 0),
                    duckdb_type || if(repetition_type = 'REPEATED', '[]', ''),
                    converted_type, logical_type
                )
                ORDER BY column_id
            ) AS nodes
        FROM parquet_schema({files}) GROUP BY file_name
    ) GROUP BY nodes"""
_MAPPING = "schema.name-mapping.default"
_WIDER = {("DATE", "TIMESTAMP"), ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")}
"""Types of files and of columns, beside those that keep every value: what format version 3 promotes, and INT96, in
which old writers keep UTC."""


class Node(NamedTuple):
    """A column of a file, or a field in it."""

    name: str
    id: int | None
    type: str
    """The engine's; empty for a field that has others in it."""
    inner: tuple["Node", ...]


class Shape(NamedTuple):
    """What some files hold."""

    columns: tuple[Node, ...]
    types: Mapping[str, str]
    """The engine's, by the columns' names."""
    files: Sequence[Path]


def shapes(session: Session, files: Sequence[Path]) -> Sequence[Shape]:
    """Return some files by what they hold."""
    found = []
    for names, nodes in session.execute(_TREES.format(files=paths(files))) if files else ():
        columns = _node(iter([tuple(one.values()) if isinstance(one, dict) else tuple(one) for one in nodes])).inner
        alike = sorted(Path(name) for name in names)
        found.append(Shape(columns, session.described(Relation(f"FROM {scan(alike[:1])}")), alike))
    return sorted(found, key=lambda one: one.files[0])


def _node(rows: Iterator[tuple[Any, ...]]) -> Node:
    name, id, children, kind, *_ = next(rows)
    inner = tuple(_node(rows) for _ in range(int(children)))
    return Node(str(name), None if id is None else int(id), str(kind or ""), inner)


def scan(files: Sequence[Path], *options: str) -> str:
    """Return SQL for the rows of files of one shape."""
    return f"read_parquet({paths(files)}, {', '.join(('hive_partitioning = false', *options))})"


def paths(files: Sequence[Path]) -> str:
    """Return SQL for a list of files, whose names are this connector's own."""
    return "[" + ", ".join(literal(str(file)) for file in files) + "]"


class Columns:
    """The wanted columns of a table, as its files have them."""

    def __init__(self, table: Table, wanted: Sequence[Field]) -> None:
        self.wanted = [(one, engine_type(one.name, one.type)) for one in wanted]
        self._mapping = _mapping(table.properties.get(_MAPPING))
        self._specs = table.specs

    def nothing(self) -> str:
        """Return a SELECT without rows."""
        columns = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(one.name)}" for one, kind in self.wanted)
        return f"SELECT {columns} WHERE false"

    def of(self, shape: Shape, specs: Set[int]) -> str:
        """Return what is selected of files of a shape, which are partitioned by these specs.

        Raises ConnectorError for what would be read wrongly.
        """
        known, parted = self._by_id(shape), self._parted(specs)
        return ", ".join(
            f"CAST({self._value(one, kind, known, shape, parted)} AS {kind}) AS {identifier(one.name)}"
            for one, kind in self.wanted
        )

    def _parted(self, specs: Set[int]) -> Set[int]:
        """Return the columns whose values stand in the partitions of such files; of a spec that is unknown, in any."""
        known = specs if specs <= self._specs.keys() else self._specs.keys()
        return {part.source for id in known for part in self._specs[id].parts if part.transform == "identity"}

    def _by_id(self, shape: Shape) -> Mapping[int | None, Node]:
        if len({one.name.lower() for one in shape.columns}) != len(shape.columns):
            raise ConnectorError("data", "a file of the table has two columns of one name, but for its case")
        if any(one.id is not None for one in shape.columns):
            return {one.id: one for one in shape.columns}
        if self._mapping is None:
            help = f"set the table's property `{_MAPPING}`, or write its files anew"
            raise ConnectorError("data", "a file of the table has no field ids, and the table maps no names", help)
        return {self._mapping.get(one.name): one for one in shape.columns}

    def _value(self, field: Field, kind: str, known: Mapping[int | None, Node], shape: Shape, parted: Set[int]) -> str:
        node = known.get(field.id)
        if node is None:
            _refuse_absent(field, parted)
            return "NULL"
        if not fits(node, field.type):
            found = shown(shape.types.get(node.name, ""))
            said = f"the column `{shown(field.name)}` is {kind}, and in a file of the table it is {found}"
            help = "its parts were renamed, or it was written by another rule: leave it out with `columns`"
            raise ConnectorError("data", said, help)
        return identifier(node.name)


def _refuse_absent(field: Field, parted: Set[int]) -> None:
    """A column that was added later is NULL in older files, unless the specification has another value for it."""
    if field.id in parted:
        said = f"a file of the table lacks the column `{shown(field.name)}`, which stands in its partition alone"
    elif field.has_default:
        said = f"a file of the table lacks the column `{shown(field.name)}`, which has a default value"
    elif field.required:
        said = f"a file of the table lacks the column `{shown(field.name)}`, which is required"
    else:
        return
    raise ConnectorError("data", f"{said}; this version does not read that", "leave it out with `columns`")


def fits(node: Node, kind: Any) -> bool:
    """Say whether the engine's cast, which goes by names, gives a column and every part of it its own values."""
    if not isinstance(kind, Mapping):
        wanted = engine_type(node.name, kind)
        return not node.inner and (takes(wanted, node.type) or (node.type, wanted) in _WIDER)
    return _fits_struct(node, kind) if kind["type"] == "struct" else _fits_items(node, kind)


def _fits_struct(node: Node, kind: Mapping[str, Any]) -> bool:
    fields = [field_of(one) for one in kind["fields"]]
    by_id, by_name = {one.id: one for one in fields}, {one.name.lower(): one for one in fields}
    for inner in node.inner:
        named, same = by_name.get(inner.name.lower()), by_id.get(inner.id) if inner.id is not None else None
        if named != same or (same is not None and not fits(inner, same.type)):
            return False
    there = {inner.id for inner in node.inner}
    lacking = [one for one in fields if one.id not in there]
    return len(lacking) < len(fields) and not any(one.required or one.has_default for one in lacking)


def _fits_items(node: Node, kind: Mapping[str, Any]) -> bool:
    if len(node.inner) != 1:
        return False
    parts = node.inner[0].inner
    wanted = ("element",) if kind["type"] == "list" else ("key", "value")
    return len(parts) == len(wanted) and all(
        part.id == kind[f"{name}-id"] and fits(part, kind[name]) for part, name in zip(parts, wanted, strict=True)
    )


def _mapping(text: str | None) -> Mapping[str, int] | None:
    """Return the ids of columns by the names that files without ids give them (Iceberg, section Name Mapping)."""
    if text is None:
        return None
    try:
        return {
            str(name): int(one["field-id"]) for one in orjson.loads(text) if "field-id" in one for name in one["names"]
        }
    except (KeyError, TypeError, ValueError):
        raise ConnectorError("data", f"the table's property `{_MAPPING}` has not the right shape") from None
