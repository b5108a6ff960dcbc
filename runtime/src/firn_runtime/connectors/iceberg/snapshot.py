"""A new snapshot: the manifest of its files, that of those it takes away, and the list of all (Iceberg, appendix A)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from firn_runtime.connectors.iceberg.avro import File, Key, key_of
from firn_runtime.connectors.iceberg.avro_writing import written
from firn_runtime.connectors.iceberg.data import Made
from firn_runtime.connectors.iceberg.manifests import (
    ADDED,
    ADDED_BY,
    CONTENT,
    DATA_FILE,
    DATA_SEQUENCE,
    DELETED,
    EXISTING,
    FILE_SEQUENCE,
    LENGTH,
    PATH,
    SEQUENCE,
    SNAPSHOT,
    SPEC,
    STATUS,
    Record,
    sequence_of,
)
from firn_runtime.connectors.iceberg.partitions import Value, avro_record
from firn_runtime.connectors.iceberg.table import Spec
from firn_runtime.errors import ConnectorError
from firn_schemas.base import Json

_LEAST_SEQUENCE = 516
_COUNTS = (504, 505, 506, 512, 513, 514)
"""Files added, kept and deleted; rows added, kept and deleted."""


class Manifest(NamedTuple):
    """A manifest that was made: its content, and what the list says of it, but for its place and size."""

    content: bytes
    told: Mapping[Key, Any]


class Numbers(NamedTuple):
    """What names a snapshot."""

    id: int
    parent: int | None
    sequence: int


def added(
    files: Sequence[tuple[str, Made]], numbers: Numbers, spec: Spec, parts: Sequence[Value], schema: Mapping[str, Json]
) -> Manifest:
    """Return the manifest of new files, by their locations."""
    records: list[dict[Key, Any]] = [
        {
            STATUS: ADDED,
            SNAPSHOT: numbers.id,
            DATA_FILE: {134: 0, 100: location, 101: "PARQUET", 102: one.partition, 103: one.records, 104: one.size},
        }
        for location, one in files
    ]
    fields: list[Json] = [
        {"source-id": one.source, "field-id": one.id, "name": one.name, "transform": one.transform}
        for one in spec.parts
    ]
    metadata: dict[str, str | bytes] = {
        "schema": orjson.dumps(schema),
        "schema-id": str(schema["schema-id"]),
        "partition-spec": orjson.dumps(fields),
        "partition-spec-id": str(spec.id),
        "format-version": "2",
        "content": "data",
    }
    told: dict[Key, Any] = {SPEC: spec.id, CONTENT: 0, _LEAST_SEQUENCE: numbers.sequence}
    counts = (len(files), 0, 0, sum(one.records for _, one in files), 0, 0)
    return _manifest(written(_entry(avro_record(parts)), metadata, records), told, counts, numbers)


def rewritten(
    file: File, entries: Sequence[Record], manifest: Record, numbers: Numbers, gone: Callable[[str], bool]
) -> Manifest:
    """Return a manifest again that says of some of its files, by their locations, that they are no longer there."""
    there = [_kept(one, manifest) for one in entries if not gone(one[DATA_FILE][100])]
    left = [
        {**_kept(one, manifest), STATUS: DELETED, SNAPSHOT: numbers.id} for one in entries if gone(one[DATA_FILE][100])
    ]
    if there and DATA_SEQUENCE not in {key_of(one) for one in file.schema["fields"]}:
        help = "rewrite the table's manifests with the engine that made them"
        raise ConnectorError("data", "the table has manifests of the format version 1, which are not changed", help)
    metadata = {name: one for name, one in file.metadata.items() if not name.startswith("avro.")}
    least = min((one[DATA_SEQUENCE] for one in (*there, *left)), default=numbers.sequence)
    told: dict[Key, Any] = {SPEC: manifest[SPEC], CONTENT: manifest.get(CONTENT) or 0, _LEAST_SEQUENCE: least}
    counts = (0, len(there), len(left), 0, _rows(there), _rows(left))
    return _manifest(written(file.schema, metadata, [*there, *left]), told, counts, numbers)


def _kept(entry: Record, manifest: Record) -> dict[Key, Any]:
    """Return an entry with what it has inherited from its manifest spelled out."""
    file, by = entry.get(FILE_SEQUENCE), entry.get(SNAPSHOT)
    return {
        **entry,
        STATUS: EXISTING,
        SNAPSHOT: by if by is not None else manifest.get(ADDED_BY),
        DATA_SEQUENCE: sequence_of(entry, manifest),
        FILE_SEQUENCE: file if file is not None else manifest.get(SEQUENCE) or 0,
    }


def _rows(entries: Sequence[Record]) -> int:
    return sum(int(one[DATA_FILE][103]) for one in entries)


def _manifest(content: bytes, told: Mapping[Key, Any], counts: Sequence[int], numbers: Numbers) -> Manifest:
    ours: dict[Key, Any] = {
        SEQUENCE: numbers.sequence,
        ADDED_BY: numbers.id,
    }
    return Manifest(content, {**told, **ours, **dict(zip(_COUNTS, counts, strict=True))})


def kept(manifest: Record) -> Record:
    """Return what the list of an earlier snapshot says of a manifest, as a new list says it."""
    if any(manifest.get(key) is None for key in (*_COUNTS, ADDED_BY)):
        help = "rewrite the table's manifests with the engine that made them"
        raise ConnectorError("data", "the table's list of manifests lacks counts, and cannot be gone on with", help)
    return {**manifest, **{key: manifest.get(key) or 0 for key in (CONTENT, SEQUENCE, _LEAST_SEQUENCE)}}


def listing(manifests: Sequence[Record], numbers: Numbers) -> bytes:
    """Return the list of a snapshot's manifests."""
    metadata = {
        "format-version": "2",
        "snapshot-id": str(numbers.id),
        "parent-snapshot-id": str(numbers.parent) if numbers.parent is not None else "null",
        "sequence-number": str(numbers.sequence),
    }
    return written(_LIST, metadata, manifests)


def placed(manifest: Manifest, location: str) -> Record:
    """Return what the list says of a manifest that was put at a location."""
    return {**manifest.told, PATH: location, LENGTH: len(manifest.content)}


def _field(name: str, id: int, kind: Json, *, optional: bool = False) -> dict[str, Json]:
    if optional:
        return {"name": name, "type": ["null", kind], "default": None, "field-id": id}
    return {"name": name, "type": kind, "field-id": id}


def _record(name: str, *fields: dict[str, Json]) -> dict[str, Json]:
    return {"type": "record", "name": name, "fields": list(fields)}


def _entry(partition: Json) -> Json:
    data_file = _record(
        "r2",
        _field("content", 134, "int"),
        _field("file_path", 100, "string"),
        _field("file_format", 101, "string"),
        _field("partition", 102, partition),
        _field("record_count", 103, "long"),
        _field("file_size_in_bytes", 104, "long"),
    )
    return _record(
        "manifest_entry",
        _field("status", STATUS, "int"),
        _field("snapshot_id", SNAPSHOT, "long", optional=True),
        _field("sequence_number", DATA_SEQUENCE, "long", optional=True),
        _field("file_sequence_number", FILE_SEQUENCE, "long", optional=True),
        _field("data_file", DATA_FILE, data_file),
    )


_SUMMARY = _record(
    "r508",
    _field("contains_null", 509, "boolean"),
    _field("contains_nan", 518, "boolean", optional=True),
    _field("lower_bound", 510, "bytes", optional=True),
    _field("upper_bound", 511, "bytes", optional=True),
)
_LIST: Json = _record(
    "manifest_file",
    _field("manifest_path", PATH, "string"),
    _field("manifest_length", LENGTH, "long"),
    _field("partition_spec_id", SPEC, "int"),
    _field("content", CONTENT, "int"),
    _field("sequence_number", SEQUENCE, "long"),
    _field("min_sequence_number", _LEAST_SEQUENCE, "long"),
    _field("added_snapshot_id", ADDED_BY, "long"),
    _field("added_files_count", 504, "int"),
    _field("existing_files_count", 505, "int"),
    _field("deleted_files_count", 506, "int"),
    _field("added_rows_count", 512, "long"),
    _field("existing_rows_count", 513, "long"),
    _field("deleted_rows_count", 514, "long"),
    _field("partitions", 507, {"type": "array", "items": _SUMMARY, "element-id": 508}, optional=True),
    _field("key_metadata", 519, "bytes", optional=True),
)
