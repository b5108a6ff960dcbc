"""A table's metadata as the catalog gives them (Iceberg table specification, versions 1 to 3), as far as they are used.

What the catalog says is an outsider's: whatever has not the right shape is one error, which quotes nothing.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from firn_runtime.connectors.iceberg.types import Field, field_of
from firn_runtime.errors import ConnectorError

NEWEST = 3
"""The latest version of the format that is read."""


class Part(NamedTuple):
    """A field of a partition spec."""

    id: int
    name: str
    source: int
    """The id of the column that it is made of."""
    transform: str


class Spec(NamedTuple):
    """How files of a table are partitioned."""

    id: int
    parts: Sequence[Part]


class Snapshot(NamedTuple):
    """A state of the table."""

    id: int
    parent: int | None
    sequence: int
    manifest_list: str
    summary: Mapping[str, str]


class Table(NamedTuple):
    """A table at one moment."""

    version: int
    uuid: str | None
    location: str
    schema_id: int
    last_schema: int
    """The highest id of a schema."""
    fields: Sequence[Field]
    last_column: int
    specs: Mapping[int, Spec]
    spec_id: int
    sorted_by: Set[int]
    """The ids of the columns by which rows of new files may be sorted."""
    snapshots: Mapping[int, Snapshot]
    current: Snapshot | None
    last_sequence: int
    properties: Mapping[str, str]

    @property
    def spec(self) -> Spec:
        """How new files are partitioned."""
        return self.specs[self.spec_id]

    def history(self) -> "Sequence[Snapshot]":
        """Return the snapshots that led to the current one, the youngest first, as far as they are known."""
        found: dict[int, Snapshot] = {}
        one = self.current
        while one is not None and one.id not in found:
            found[one.id] = one
            one = self.snapshots.get(one.parent) if one.parent is not None else None
        return list(found.values())


def table_of(metadata: Any) -> Table:
    """Return a table; raise ConnectorError where the metadata are not as the specification has them."""
    try:
        return _table(metadata)
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError):
        raise ConnectorError("data", "the catalog's metadata of the table have not the right shape") from None


def _table(found: Mapping[str, Any]) -> Table:
    version = int(found["format-version"])
    if not 1 <= version <= NEWEST:
        raise ConnectorError("data", f"the table has the format version {version}; 1 to {NEWEST} are read")
    if found.get("encryption-keys"):
        raise ConnectorError("data", "the table is encrypted, which this version does not read")
    schema = _schema(found)
    specs = {int(one["spec-id"]): _spec(one) for one in _specs(found)}
    snapshots = {int(one["snapshot-id"]): _snapshot(one) for one in found.get("snapshots") or ()}
    current = found.get("current-snapshot-id")
    fields = [field_of(one) for one in schema["fields"]]
    if not fields:
        raise ValueError
    spec_id = int(found.get("default-spec-id", 0))
    if spec_id not in specs:
        raise ValueError
    return Table(
        version,
        found.get("table-uuid"),
        str(found["location"]).rstrip("/"),
        int(schema.get("schema-id", 0)),
        max((int(one["schema-id"]) for one in found.get("schemas") or ()), default=0),
        fields,
        int(found["last-column-id"]),
        specs,
        spec_id,
        _sorted_by(found),
        snapshots,
        None if current in (None, -1) else snapshots[int(current)],
        int(found.get("last-sequence-number", 0)),
        {str(name): str(value) for name, value in (found.get("properties") or {}).items()},
    )


def _schema(found: Mapping[str, Any]) -> Any:
    if "schemas" not in found:
        return found["schema"]
    return next(one for one in found["schemas"] if one["schema-id"] == found["current-schema-id"])


def _specs(found: Mapping[str, Any]) -> Sequence[Any]:
    if "partition-specs" in found:
        return found["partition-specs"]  # type: ignore[no-any-return]  # its shape is looked at by who asks
    return [{"spec-id": 0, "fields": found.get("partition-spec") or []}]


def _spec(found: Mapping[str, Any]) -> Spec:
    parts = [
        Part(int(one.get("field-id", 1000 + at)), str(one["name"]), int(one["source-id"]), str(one["transform"]))
        for at, one in enumerate(found["fields"])
    ]
    return Spec(int(found["spec-id"]), parts)


def _sorted_by(found: Mapping[str, Any]) -> Set[int]:
    orders = [one for one in found.get("sort-orders") or () if one["order-id"] == found.get("default-sort-order-id")]
    return {int(one["source-id"]) for order in orders for one in order["fields"] if "source-id" in one}


def _snapshot(found: Mapping[str, Any]) -> Snapshot:
    if "manifest-list" not in found:
        raise ConnectorError("data", "a snapshot of the table has no manifest list, which this version does not read")
    parent = found.get("parent-snapshot-id")
    return Snapshot(
        int(found["snapshot-id"]),
        int(parent) if parent is not None else None,
        int(found.get("sequence-number", 0)),
        str(found["manifest-list"]),
        {str(name): str(value) for name, value in (found.get("summary") or {}).items()},
    )
