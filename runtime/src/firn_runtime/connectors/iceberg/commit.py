"""The commit of a snapshot: what the catalog requires for it, what it changes, and whether it was made."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from firn_runtime.connector import Written
from firn_runtime.connectors.iceberg.catalog import changed_by_another
from firn_runtime.connectors.iceberg.columns import Fitted
from firn_runtime.connectors.iceberg.table import Table
from firn_runtime.connectors.iceberg.target import COUNTS, FENCE, FLOW, MARK, Target, Unsettled
from firn_runtime.errors import ConnectorError
from firn_runtime.publication import Publication, TakenOver
from firn_schemas.base import Json


def published(table: Table, publication: Publication) -> Written | None:
    """Return what this publication wrote before; raise TakenOver where a younger run of the flow has written."""
    for one in table.history():
        found = {name: _number(one.summary, f"firn.{name}") for name in COUNTS}
        if one.summary.get(MARK) == publication.mark:
            return Written(found["rows"] or 0, found["bytes"], found["inserted"], found["updated"])
        if one.summary.get(FLOW) == publication.flow and 0 < publication.fence < (_number(one.summary, FENCE) or 0):
            raise TakenOver
    return None


def _number(summary: Mapping[str, str], name: str) -> int | None:
    text = summary.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 20 else None


def commit(
    target: Target, fitted: Fitted, schema: Mapping[str, Json], snapshot: Mapping[str, Json], publication: Publication
) -> None:
    """Make a snapshot the table's, if nobody has changed it meanwhile; where the answer is lost, look whether it is.

    Raises ConnectorError, and Unsettled where nobody says whether it was made. A commit that arrives later finds a
    changed table, or is found by the next attempt.
    """
    updates: list[Json] = [
        *(_making(target) if target.is_new else _changing(target, fitted, schema)),
        {"action": "add-snapshot", "snapshot": {**snapshot, "schema-id": schema["schema-id"]}},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": target.numbers.id},
    ]
    try:
        target.catalog.commit(target.name, _requirements(target, fitted), updates)
    except ConnectorError as error:
        now = _now(target)
        if now is None:
            raise Unsettled(error.error_class, error.message, error.help) from None
        if not _is_among(now, target, publication, error):
            raise _told(error, now, target) from None


def _now(target: Target) -> Sequence[Table] | None:
    """Return the table as it is now, nothing where there is none; None where the catalog does not tell."""
    with suppress(ConnectorError):
        found = target.catalog.load(target.name, history=True)
        return (found.table,) if found is not None else ()
    return None


def _is_among(now: Sequence[Table], target: Target, publication: Publication, error: ConnectorError) -> bool:
    """Say whether a commit was made although it failed.

    One that a proxy has sent twice is refused the second time, for what it has itself changed the first time: then it
    is this very snapshot that counts, whose files would else be removed.
    """
    history = [one for table in now for one in table.history()]
    if error.error_class == "conflict":
        return any(one.id == target.numbers.id for one in history)
    return any(one.summary.get(MARK) == publication.mark for one in history)


def _told(error: ConnectorError, now: Sequence[Table], target: Target) -> ConnectorError:
    """Return why a commit failed: a catalog finds words of its own where no requirement is broken and the table is
    another all the same, such as one that is gone, or whose branch has the sequence number now."""
    stood_on = [] if target.is_new else [(target.table.uuid, target.table.last_sequence)]
    is_another = [(one.uuid, one.last_sequence) for one in now] != stood_on
    return changed_by_another(target.name) if is_another and error.error_class == "data" else error


def _requirements(target: Target, fitted: Fitted) -> Sequence[Json]:
    if target.is_new:
        return [{"type": "assert-create"}]
    table = target.table
    known: list[Json] = [
        {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": target.numbers.parent},
        {"type": "assert-current-schema-id", "current-schema-id": table.schema_id},
        {"type": "assert-default-spec-id", "default-spec-id": table.spec_id},
    ]
    if table.uuid is not None:
        known.append({"type": "assert-table-uuid", "uuid": table.uuid})
    if fitted.last_column != table.last_column:
        known.append({"type": "assert-last-assigned-field-id", "last-assigned-field-id": table.last_column})
    return known


def _changing(target: Target, fitted: Fitted, schema: Mapping[str, Json]) -> Sequence[Json]:
    if schema["schema-id"] == target.table.schema_id:
        return []
    if schema["schema-id"] in [one["schema-id"] for one in target.found.metadata["schemas"]]:
        return [{"action": "set-current-schema", "schema-id": schema["schema-id"]}]
    adding: Json = {"action": "add-schema", "schema": dict(schema), "last-column-id": fitted.last_column}
    return [adding, {"action": "set-current-schema", "schema-id": -1}]


def _making(target: Target) -> Sequence[Json]:
    """Return what makes a staged table, in the order in which catalogs are used to it."""
    found, table = target.found.metadata, target.table
    schema = next(one for one in found["schemas"] if one["schema-id"] == table.schema_id)
    return [
        {"action": "assign-uuid", "uuid": table.uuid},
        {"action": "upgrade-format-version", "format-version": table.version},
        {"action": "add-schema", "schema": schema, "last-column-id": table.last_column},
        {"action": "set-current-schema", "schema-id": -1},
        {"action": "add-spec", "spec": {"spec-id": 0, "fields": []}},
        {"action": "set-default-spec", "spec-id": -1},
        {"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}},
        {"action": "set-default-sort-order", "sort-order-id": -1},
        {"action": "set-location", "location": table.location},
        {"action": "set-properties", "updates": dict(table.properties)},
    ]
