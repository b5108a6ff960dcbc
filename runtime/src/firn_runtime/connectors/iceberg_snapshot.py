"""A new snapshot: the manifest of its files, that of those it takes away, and the list of all (Iceberg, appendix A)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from firn_runtime.connectors.iceberg_avro import File, Key
from firn_runtime.connectors.iceberg_avro_writing import written
from firn_runtime.connectors.iceberg_data import Made
from firn_runtime.connectors.iceberg_manifests import (
    ADDED,
    ADDED_BY,
    CONTENT,
    DATA_FILE,
    DATA_SEQUENCE,
    DELETED,
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
from firn_runtime.connectors.iceberg_partitions import Value, avro_record
from firn_runtime.connectors.iceberg_table import Spec
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


def added(files: Sequence[tuple[str, Made]], numbers: Numbers, spec: Spec, parts: Sequence[Value], schema: Json) -> Manifest:
    """Return the manifest of new files, by their locations."""
    records = [
        {
            STATUS: ADDED,
            SNAPSHOT: numbers.id,
            DATA_FILE: {134: 0, 100: location, 101: "PARQUET", 102: one.partition, 103: one.records, 104: one.size},
        }
        for location, one in files
    ]
    fields: Json = [
        {"source-id": one.source, "field-id": one.id, "name": one.name, "transform": one.transform} for one in spec.parts
    ]
    metadata = {
        "schema": orjson.dumps(schema),
        "schema-id": str(schema["schema-id"]) if isinstance(schema, dict) else "0",
        "partition-spec": orjson.dumps(fields),
        "partition-spec-id": str(spec.id),
        "format-version": "2",
        "content": "data",
    }
    counts = (len(files), 0, 0, sum(one.records for _, one in files), 0, 0)
    told = {SPEC: spec.id, CONTENT: 0, SEQUENCE: numbers.sequence, _LEAST_SEQUENCE: numbers.sequence}
    content = written(_entry(avro_record(parts)), metadata, records)
    return Manifest(content, {**told, ADDED_BY: numbers.id, **dict(zip(_COUNTS, counts, strict=True))})


def removed(file: File, entries: Sequence[Record], manifest: Record, numbers: Numbers) -> Manifest:
    """Return a manifest that says of the files of another one that they are no longer there; all else stays."""
    records = [_gone(one, manifest, numbers) for one in entries]
    least = min((one[DATA_SEQUENCE] for one in records), default=numbers.sequence)
    rows = sum(int(one[DATA_FILE][103]) for one in records)
    metadata = {name: one for name, one in file.metadata.items() if not name.startswith("avro.")}
    told = {SPEC: manifest[SPEC], CONTENT: manifest.get(CONTENT) or 0, SEQUENCE: numbers.sequence}
    counts = dict(zip(_COUNTS, (0, 0, len(records), 0, 0, rows), strict=True))
    told_all = {**told, _LEAST_SEQUENCE: least, ADDED_BY: numbers.id, **counts}
    return Manifest(written(file.schema, metadata, records), told_all)


def _gone(entry: Record, manifest: Record, numbers: Numbers) -> dict[Key, Any]:
    data, own = sequence_of(entry, manifest), entry.get(FILE_SEQUENCE)
    sequences = {DATA_SEQUENCE: data, FILE_SEQUENCE: own if own is not None else manifest.get(SEQUENCE) or 0}
    return {**entry, STATUS: DELETED, SNAPSHOT: numbers.id, **sequences}


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
