"""The write of a dataset to a table: files are put beside those of the table, and one commit makes them its own.

Readers see the old snapshot or the new one. The snapshot says which publication it is, so that a commit whose answer
was lost is found, and one that the catalog's condition has refused leaves nothing behind. See docs/publication.md.
"""

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from firn_runtime.confined_paths import shown
from firn_runtime.connector import WriteContext, Written
from firn_runtime.connectors.iceberg_catalog import Catalog, Loaded, Name, named
from firn_runtime.connectors.iceberg_columns import Fitted, fit, new_fields, schema_of
from firn_runtime.connectors.iceberg_data import Made, write_files
from firn_runtime.connectors.iceberg_manifests import LARGEST, LENGTH, PATH, Record, entries, is_live, listed, parsed
from firn_runtime.connectors.iceberg_partitions import values
from firn_runtime.connectors.iceberg_places import Places, Wanted, cleared
from firn_runtime.connectors.iceberg_snapshot import Manifest, Numbers, added, kept, listing, placed, removed
from firn_runtime.connectors.iceberg_table import Table
from firn_runtime.errors import ConnectorError
from firn_runtime.parallel import each
from firn_runtime.publication import Publication, TakenOver
from firn_schemas.base import Json
from firn_schemas.steps.data import WriteInputs

_MARK, _ROWS, _BYTES, _FLOW, _RUN, _STEP, _FENCE = (
    f"firn.{name}" for name in ("publication", "rows", "bytes", "flow", "run-id", "step", "fence")
)
_REFUSED = frozenset(["auth", "conflict", "data", "rate_limited"])
"""Classes of errors of a commit that say that it was not made."""
_WRITTEN = 2
"""The version of the format that is written."""


class Tables(Protocol):
    """The connector, as a write uses it."""

    catalog: Catalog
    config: Any

    def files_of(self, name: Name, loaded: Loaded) -> Places:
        """Return where the files of a table may lie."""
        ...


def write(tables: Tables, inputs: WriteInputs, context: WriteContext) -> Written:
    """Publish a dataset, unless this very publication was made before; raise ConnectorError."""
    name = named(inputs.table, tables.config.namespace)
    dataset = context.session.columns(inputs.from_)
    found = tables.catalog.load(name, history=True)
    done = _published(found.table, context.publication) if found is not None else None
    if done is not None:
        return done
    is_new = found is None
    if is_new:
        fields = new_fields(dataset)
        found = tables.catalog.stage(name, schema_of(fields))
    assert found is not None
    _refuse_version(found.table)
    target = _Target(tables, name, found, is_new)
    return target.write(inputs, context, fit(inputs, dataset, found.table))


def _published(table: Table, publication: Publication) -> Written | None:
    """Return what this publication wrote before; raise TakenOver where a younger run of the flow has written."""
    for one in table.history():
        if one.summary.get(_MARK) == publication.mark:
            return Written(_number(one.summary, _ROWS), _number(one.summary, _BYTES))
        if one.summary.get(_FLOW) == publication.flow and 0 < publication.fence < _number(one.summary, _FENCE):
            raise TakenOver
    return None


def _number(summary: Mapping[str, str], name: str) -> int:
    text = summary.get(name, "")
    return int(text) if text.isdecimal() else 0


def _refuse_version(table: Table) -> None:
    if table.version != _WRITTEN:
        help = "upgrade it by an engine that does" if table.version < _WRITTEN else "write it by an engine that does"
        raise ConnectorError("data", f"the table has the format version {table.version}; {_WRITTEN} is written", help)


class _Target:
    """A table that is written."""

    def __init__(self, tables: Tables, name: Name, found: Loaded, is_new: bool) -> None:
        self.catalog, self.name, self.found, self.table, self.is_new = tables.catalog, name, found, found.table, is_new
        self.places = tables.files_of(name, found)
        current = self.table.current
        id = secrets.randbits(62) + 1
        self.numbers = Numbers(id, current.id if current else None, self.table.last_sequence + 1)
        self.unique = os.urandom(16).hex()
        """In the names of all files of this attempt: none of them is ever written over."""
        self.put: list[str] = []
        self.data = self.table.properties.get("write.data.path", f"{self.table.location}/data").rstrip("/")
        self.metadata = self.table.properties.get("write.metadata.path", f"{self.table.location}/metadata").rstrip("/")

    def write(self, inputs: WriteInputs, context: WriteContext, fitted: Fitted) -> Written:
        """Write the files, put them there, and commit."""
        named = {one.id: one.name for one in fitted.filled.values()}
        parts = values(self.table.spec, fitted.fields, named)
        folder = cleared(context.scratch / "table")
        made = write_files(context.session, inputs.from_, fitted.filled, parts, folder / "data")
        schema = self._schema(fitted)
        try:
            data = self._put_data(made, context)
            manifests = [added(data, self.numbers, self.table.spec, parts, schema)] if data else []
            older = _OLDER[inputs.mode](self, folder)
            snapshot = self._snapshot(inputs, context, made, older, [*older.changed, *manifests], folder)
            context.still_ours()
            self._commit(fitted, schema, snapshot, context.publication)
        except ConnectorError as error:
            if error.error_class in _REFUSED:
                self._take_back()
            raise
        warnings = (f"the table `{inputs.table}` has other columns now: {fitted.anew}",) if fitted.anew else ()
        return Written(sum(one.records for one in made), sum(one.size for one in made), warnings=warnings)

    def _put_data(self, made: Sequence[Made], context: WriteContext) -> Sequence[tuple[str, Made]]:
        placed = [(f"{self.data}/{self.unique}-{at:05}.parquet", one) for at, one in enumerate(made)]
        context.still_ours()
        for location, _ in placed:
            self._will_put(location)
        each(self.places.at_once, lambda one: self._put(one[1].file, one[0], context.publication), placed)
        return placed

    def _will_put(self, location: str) -> None:
        self.places.find(location)
        self.put.append(location)

    def _put(self, file: Path, location: str, publication: Publication) -> None:
        self.places.put(file, location, publication.mark_of(file), lambda: None)
        file.unlink()

    def _put_content(self, content: bytes, location: str, publication: Publication, folder: Path) -> None:
        file = folder / "metadata.avro"
        file.write_bytes(content)
        self._will_put(location)
        self._put(file, location, publication)

    def _schema(self, fitted: Fitted) -> dict[str, Json]:
        changed = fitted.fields != self.table.fields
        return schema_of(fitted.fields, self.table.last_schema + 1 if changed else self.table.schema_id)

    def _snapshot(
        self,
        inputs: WriteInputs,
        context: WriteContext,
        made: Sequence[Made],
        older: "_Older",
        manifests: Sequence[Manifest],
        folder: Path,
    ) -> dict[str, Json]:
        """Put manifests and their list there; return the snapshot."""
        told = []
        for at, one in enumerate(manifests):
            location = f"{self.metadata}/{self.unique}-m{at}.avro"
            self._put_content(one.content, location, context.publication, folder)
            told.append(placed(one, location))
        name = f"{self.metadata}/snap-{self.numbers.id}-{self.unique}.avro"
        self._put_content(listing([*told, *older.kept], self.numbers), name, context.publication, folder)
        parent: dict[str, Json] = {} if self.numbers.parent is None else {"parent-snapshot-id": self.numbers.parent}
        return {
            **parent,
            "snapshot-id": self.numbers.id,
            "sequence-number": self.numbers.sequence,
            "timestamp-ms": int(time.time() * 1000),
            "manifest-list": name,
            "summary": self._summary(inputs, context.publication, made, older),
        }

    def _summary(self, inputs: WriteInputs, publication: Publication, made: Sequence[Made], older: "_Older") -> Json:
        rows, size = sum(one.records for one in made), sum(one.size for one in made)
        counts = {"data-files": len(made), "records": rows, "files-size": size}
        found: dict[str, Json] = {"operation": "append" if inputs.mode == "append" else "overwrite"}
        found |= {f"added-{name}": str(count) for name, count in counts.items() if count}
        found |= {f"deleted-{name}": str(count) for name, count in older.deleted.items() if count}
        found |= {
            f"total-{name}": str(older.totals[name] + count) for name, count in counts.items() if name in older.totals
        }
        ours = (publication.mark, rows, size, publication.flow, publication.run, publication.step, publication.fence)
        names = (_MARK, _ROWS, _BYTES, _FLOW, _RUN, _STEP, _FENCE)
        return found | {name: str(one) for name, one in zip(names, ours, strict=True)}

    def _commit(
        self, fitted: Fitted, schema: Mapping[str, Json], snapshot: Mapping[str, Json], publication: Publication
    ) -> None:
        """Make it the table's; where the answer is lost, look whether it was made."""
        reference: Json = {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch"}
        assert isinstance(reference, dict)
        updates: list[Json] = [
            *(self._making() if self.is_new else self._changing(fitted, dict(schema))),
            {"action": "add-snapshot", "snapshot": dict(snapshot)},
            reference | {"snapshot-id": self.numbers.id},
        ]
        try:
            self.catalog.commit(self.name, self._requirements(fitted), updates)
        except ConnectorError as error:
            if error.error_class in _REFUSED or not self._is_made(publication):
                raise

    def _is_made(self, publication: Publication) -> bool:
        with suppress(ConnectorError):
            found = self.catalog.load(self.name, history=True)
            return found is not None and any(
                one.summary.get(_MARK) == publication.mark for one in found.table.history()
            )
        return False

    def _requirements(self, fitted: Fitted) -> Sequence[Json]:
        if self.is_new:
            return [{"type": "assert-create"}]
        known: list[Json] = [
            {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": self.numbers.parent},
            {"type": "assert-current-schema-id", "current-schema-id": self.table.schema_id},
            {"type": "assert-default-spec-id", "default-spec-id": self.table.spec_id},
        ]
        if self.table.uuid is not None:
            known.append({"type": "assert-table-uuid", "uuid": self.table.uuid})
        if fitted.last_column != self.table.last_column:
            known.append({"type": "assert-last-assigned-field-id", "last-assigned-field-id": self.table.last_column})
        return known

    def _changing(self, fitted: Fitted, schema: dict[str, Json]) -> Sequence[Json]:
        if fitted.fields == self.table.fields:
            return []
        adding: Json = {"action": "add-schema", "schema": schema, "last-column-id": fitted.last_column}
        return [adding, {"action": "set-current-schema", "schema-id": -1}]

    def _making(self) -> Sequence[Json]:
        """Return what makes a staged table."""
        found = self.found.metadata
        schema = next(one for one in found["schemas"] if one["schema-id"] == found["current-schema-id"])
        return [
            {"action": "assign-uuid", "uuid": self.table.uuid},
            {"action": "upgrade-format-version", "format-version": _WRITTEN},
            {"action": "add-schema", "schema": schema, "last-column-id": self.table.last_column},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "add-spec", "spec": {"spec-id": 0, "fields": []}},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}},
            {"action": "set-default-sort-order", "sort-order-id": -1},
            {"action": "set-location", "location": self.table.location},
            {"action": "set-properties", "updates": dict(self.table.properties)},
        ]

    def _take_back(self) -> None:
        """Remove what was put there for nothing; what cannot be removed is an orphan, which tables know to clean."""
        for location in self.put:
            with suppress(ConnectorError):
                self.places.delete(location)

    def listed(self, folder: Path) -> Sequence[Record]:
        """Return the manifests of the current snapshot."""
        if self.table.current is None:
            return ()
        name = self.table.current.manifest_list
        return listed(self.places.content(Wanted(name), LARGEST, folder), name)


class _Older(NamedTuple):
    """What becomes of what the table holds."""

    kept: Sequence[Record] = ()
    changed: Sequence[Manifest] = ()
    deleted: Mapping[str, int] = {}
    totals: Mapping[str, int] = {}
    """Of what is kept, as far as it is known."""


_COUNTED = ("data-files", "records", "files-size")


def _all_kept(target: _Target, folder: Path) -> _Older:
    current = target.table.current
    if current is None:
        return _Older(totals=dict.fromkeys(_COUNTED, 0))
    totals = {
        name: int(text) for name in _COUNTED if (text := current.summary.get(f"total-{name}", "")).isdecimal()
    }
    return _Older([kept(one) for one in target.listed(folder)], totals=totals)


def _all_removed(target: _Target, folder: Path) -> _Older:
    """Say of every file that it is no longer there; files themselves stay, for those who read an older snapshot."""
    manifests = [one for one in target.listed(folder) if is_live(one)]
    contents = target.places.fetch([Wanted(str(one[PATH]), int(one[LENGTH])) for one in manifests], folder)
    changed, deleted = list[Manifest](), dict.fromkeys(_COUNTED, 0)
    for one in manifests:
        path = str(one[PATH])
        file = parsed(contents[path].read_bytes(), path)
        live = entries(file, path)
        if live:
            changed.append(removed(file, live, one, target.numbers))
            _count(deleted, one, live)
    return _Older(changed=changed, deleted=deleted, totals=dict.fromkeys(_COUNTED, 0))


def _count(deleted: dict[str, int], manifest: Record, live: Sequence[Record]) -> None:
    if not manifest.get(517):
        deleted["data-files"] += len(live)
        deleted["records"] += sum(int(one[2][103]) for one in live)
        deleted["files-size"] += sum(int(one[2][104]) for one in live)


_OLDER: dict[str, Callable[[_Target, Path], _Older]] = {"append": _all_kept, "replace": _all_removed}
