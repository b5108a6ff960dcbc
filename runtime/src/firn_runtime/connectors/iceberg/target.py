"""A table that is written: where its new files are put, and the snapshot that they make."""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from firn_runtime.connector import Written
from firn_runtime.connectors.iceberg.catalog import Catalog, Loaded, Name
from firn_runtime.connectors.iceberg.columns import Fitted, schema_of
from firn_runtime.connectors.iceberg.data import Made
from firn_runtime.connectors.iceberg.manifests import Record
from firn_runtime.connectors.iceberg.partitions import Value
from firn_runtime.connectors.iceberg.places import Places
from firn_runtime.connectors.iceberg.snapshot import Manifest, Numbers, added, listing, placed
from firn_runtime.errors import ConnectorError
from firn_runtime.parallel import each
from firn_runtime.publication import Publication
from firn_schemas.base import Json

REFUSED = frozenset(["auth", "conflict", "data", "rate_limited"])
"""Classes of errors of a commit that say that it was not made."""
MARK, FENCE, FLOW = "firn.publication", "firn.fence", "firn.flow"
COUNTS = ("rows", "bytes", "inserted", "updated")
"""Of what was written, in the summary below `firn.`."""


class Unsettled(ConnectorError):
    """A commit failed and may have been made: nothing of it may be removed."""


class Tables(Protocol):
    """The connector, as a write uses it."""

    catalog: Catalog
    config: Any

    def files_of(self, name: Name, loaded: Loaded) -> Places:
        """Return where the files of a table may lie."""
        ...


class Counted(Protocol):
    """What becomes of what was there, in numbers."""

    @property
    def deleted(self) -> Mapping[str, int]:
        """What is no longer there."""
        ...

    @property
    def totals(self) -> Mapping[str, int]:
        """What is left, as far as it is known."""
        ...


class Target:
    """One attempt to write a table."""

    def __init__(self, tables: Tables, name: Name, found: Loaded, folder: Path, *, is_new: bool) -> None:
        self.catalog, self.name, self.found, self.table, self.is_new = tables.catalog, name, found, found.table, is_new
        self.folder = folder
        self.places = tables.files_of(name, found)
        current = self.table.current
        id = secrets.randbits(62) + 1
        self.numbers = Numbers(id, current.id if current else None, self.table.last_sequence + 1)
        self._unique = os.urandom(16).hex()
        """In the names of all files of this attempt: none of them is ever written over."""
        self._put: list[str] = []
        self._data, self._metadata = (
            self.table.properties.get(f"write.{kind}.path", f"{self.table.location}/{kind}").rstrip("/")
            for kind in ("data", "metadata")
        )

    def schema(self, fitted: Fitted) -> dict[str, Json]:
        """Return the schema of the table afterwards, one that it has had before where that is the same.

        Of columns that stay, everything stays.
        """
        found = self.found.metadata
        current = next(one for one in found.get("schemas", ()) if one["schema-id"] == self.table.schema_id)
        if list(fitted.fields) == list(self.table.fields):
            return dict(current)
        known = dict(zip(map(str, self.table.fields), current["fields"], strict=True))
        made = schema_of(fitted.fields, self.table.last_schema + 1)
        fields = [known.get(str(field), one) for field, one in zip(fitted.fields, made["fields"], strict=True)]
        ids = {one["id"] for one in fields}
        named = [id for id in current.get("identifier-field-ids", ()) if id in ids]
        made |= {"fields": fields} | ({"identifier-field-ids": named} if named else {})
        return next((dict(one) for one in found["schemas"] if _told(one) == _told(made)), made)

    def put_data(
        self, made: Sequence[Made], parts: Sequence[Value], schema: Mapping[str, Json], publication: Publication
    ) -> Sequence[Manifest]:
        """Put files there; return the manifest of them, none where there are none."""
        located = [(f"{self._data}/{self._unique}-{at:05}.parquet", one) for at, one in enumerate(made)]
        for location, _ in located:
            self._will_put(location)
        each(self.places.at_once, lambda one: self._put_file(one[1].file, one[0], publication), located)
        return [added(located, self.numbers, self.table.spec, parts, schema)] if located else []

    def snapshot(
        self,
        told: Mapping[str, Json],
        written: Written,
        manifests: Sequence[Manifest],
        kept: Sequence[Record],
        publication: Publication,
    ) -> dict[str, Json]:
        """Put manifests and their list there; return the snapshot."""
        listed = []
        for at, one in enumerate(manifests):
            location = f"{self._metadata}/{self._unique}-m{at}.avro"
            self._put_content(one.content, location, publication)
            listed.append(placed(one, location))
        name = f"{self._metadata}/snap-{self.numbers.id}-{self._unique}.avro"
        self._put_content(listing([*listed, *kept], self.numbers), name, publication)
        parent: dict[str, Json] = {} if self.numbers.parent is None else {"parent-snapshot-id": self.numbers.parent}
        return parent | {
            "snapshot-id": self.numbers.id,
            "sequence-number": self.numbers.sequence,
            "timestamp-ms": int(time.time() * 1000),
            "manifest-list": name,
            "summary": {**told, **_ours(written, publication)},
        }

    def take_back(self) -> None:
        """Remove what was put there for nothing; what cannot be removed is an orphan, which tables know to clean."""
        for location in self._put:
            with suppress(ConnectorError):
                self.places.delete(location)

    def _will_put(self, location: str) -> None:
        self.places.find(location)
        self._put.append(location)

    def _put_file(self, file: Path, location: str, publication: Publication) -> None:
        self.places.put(file, location, publication.mark_of(file), lambda: None)
        file.unlink()

    def _put_content(self, content: bytes, location: str, publication: Publication) -> None:
        file = self.folder / "metadata.avro"
        file.write_bytes(content)
        self._will_put(location)
        self._put_file(file, location, publication)


def _told(schema: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return all that a schema says but for its id."""
    return schema["fields"], schema.get("identifier-field-ids") or []


def told_of(made: Sequence[Made], older: Counted) -> dict[str, Json]:
    """Return what a snapshot's summary counts (Iceberg, appendix F)."""
    new = {
        "data-files": len(made),
        "records": sum(one.records for one in made),
        "files-size": sum(one.size for one in made),
    }
    found: dict[str, Json] = {f"added-{name}": str(count) for name, count in new.items() if count}
    found |= {f"deleted-{name}": str(count) for name, count in older.deleted.items() if count}
    return found | {f"total-{name}": str(count + new.get(name, 0)) for name, count in older.totals.items()}


def _ours(written: Written, publication: Publication) -> dict[str, Json]:
    counts = {f"firn.{name}": getattr(written, name) for name in COUNTS}
    known: dict[str, Json] = {name: str(count) for name, count in counts.items() if count is not None}
    names = {"firn.run-id": publication.run, "firn.job": publication.job, "firn.step": publication.step}
    return known | names | {MARK: publication.mark, FLOW: publication.flow, FENCE: str(publication.fence)}
