"""What a snapshot holds: the manifests that its list names, and the files that these name.

The numbers are the field ids of the Iceberg table specification, appendix A.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.iceberg.avro import Damaged, File, Key, read
from firn_runtime.errors import ConnectorError

LARGEST = 1 << 25
"""Bytes of a manifest or a list of them."""
MOST_FILES = 250_000
"""Files of one snapshot."""

Record = Mapping[Key, Any]

PATH, LENGTH, SPEC, ADDED_BY, CONTENT, SEQUENCE, KEYS = 500, 501, 502, 503, 517, 515, 519
"""Of a manifest, in a list."""
LIVE_FILES = (504, 505)
"""Counts of its files that are new, and that are old."""
STATUS, SNAPSHOT, DATA_SEQUENCE, FILE_SEQUENCE, DATA_FILE = 0, 1, 3, 4, 2
"""Of an entry, in a manifest."""
EXISTING, ADDED, DELETED = 0, 1, 2
"""What an entry's status means."""

Kind = Literal["data", "positions", "equality"]
_KINDS: tuple[Kind, ...] = ("data", "positions", "equality")


class Held(NamedTuple):
    """A file of a snapshot."""

    kind: Kind
    path: str
    size: int
    records: int
    sequence: int
    spec: int
    partition: Record
    """Values by the ids of the spec's parts."""
    columns: Sequence[int]
    """The columns by which an `equality` file names rows."""


def parsed(content: bytes, name: str) -> File:
    """Return a manifest, or a list of them; raise ConnectorError."""
    try:
        return read(content)
    except Damaged as error:
        raise ConnectorError("data", f"`{shown(name)}` cannot be read: {error}") from None


def listed(content: bytes, name: str) -> Sequence[Record]:
    """Return the manifests that a list names; raise ConnectorError."""
    found = parsed(content, name).records
    for one in found:
        whole = isinstance(one.get(PATH), str) and isinstance(one.get(LENGTH), int) and isinstance(one.get(SPEC), int)
        if not whole:
            raise ConnectorError("data", f"`{shown(name)}` is no list of manifests")
        if one.get(KEYS) is not None:
            raise ConnectorError("data", "the table has encrypted manifests, which this version does not read")
    return found


def is_live(manifest: Record) -> bool:
    """Say whether a manifest may hold files that are still there."""
    return any(manifest.get(key) != 0 for key in LIVE_FILES)


def entries(file: File, name: str) -> Sequence[Record]:
    """Return the entries of files that are there; raise ConnectorError."""
    try:
        return [one for one in file.records if one[STATUS] != DELETED]
    except KeyError:
        raise ConnectorError("data", f"`{shown(name)}` is no manifest") from None


def sequence_of(entry: Record, manifest: Record) -> int:
    """Return the data sequence number of an entry; a new one has that of its manifest (Iceberg, section Sequence
    Number Inheritance)."""
    own = entry.get(DATA_SEQUENCE)
    return int(own if own is not None else manifest.get(SEQUENCE) or 0)


def held(entry: Record, manifest: Record, name: str) -> Held:
    """Return the file of an entry; raise ConnectorError for one that would be read wrongly."""
    try:
        found = entry[DATA_FILE]
        path, format, size, records = str(found[100]), str(found[101]).lower(), int(found[104]), int(found[103])
        kind = _KINDS[found.get(134) or 0]
    except (IndexError, KeyError, TypeError, ValueError):
        raise ConnectorError("data", f"`{shown(name)}` is no manifest") from None
    if format == "puffin":
        help = "compact the table, so that its deletion vectors are applied"
        raise ConnectorError("data", "the table has deletion vectors, which this version does not read", help)
    if format != "parquet":
        raise ConnectorError("data", f"`{shown(path)}` is no Parquet file, and other files are not read")
    if found.get(131) is not None:
        raise ConnectorError("data", f"`{shown(path)}` is encrypted, which this version does not read")
    sequence = sequence_of(entry, manifest)
    return Held(kind, path, size, records, sequence, int(manifest[SPEC]), found.get(102) or {}, found.get(135) or ())
