"""The write of a dataset to a table: files are put beside those of the table, and one commit makes them its own.

Readers see the old snapshot or the new one. The snapshot says which publication it is, so that a commit whose answer
was lost is found, and one that the catalog's condition has refused leaves nothing behind. See docs/publication.md.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from firn_runtime.connector import WriteContext, Written
from firn_runtime.connectors.iceberg.catalog import named
from firn_runtime.connectors.iceberg.columns import Fitted, fit, new_fields, schema_of
from firn_runtime.connectors.iceberg.commit import commit, published
from firn_runtime.connectors.iceberg.data import cast, write_files
from firn_runtime.connectors.iceberg.merge import merged
from firn_runtime.connectors.iceberg.older import Older, all_kept, all_removed, some_removed
from firn_runtime.connectors.iceberg.partitions import values
from firn_runtime.connectors.iceberg.places import cleared
from firn_runtime.connectors.iceberg.scan import rows_with_files
from firn_runtime.connectors.iceberg.table import Table
from firn_runtime.connectors.iceberg.target import REFUSED, Tables, Target, Unsettled, told_of
from firn_runtime.connectors.iceberg.types import Field
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import WriteInputs

_WRITTEN = 2
"""The version of the format that is written."""


class Plan(NamedTuple):
    """What one mode does: which rows are written, and what becomes of what is there."""

    sql: str
    columns: Sequence[Field]
    """Of the rows."""
    older: Callable[[], Older]
    rows: int | None = None
    """Rows of the dataset; absent: as many as are written."""
    inserted: int | None = None
    updated: int | None = None


def write(tables: Tables, inputs: WriteInputs, context: WriteContext) -> Written:
    """Publish a dataset, unless this very publication was made before; raise ConnectorError."""
    name = named(inputs.table, tables.config.namespace)
    dataset = context.session.columns(inputs.from_)
    found = tables.catalog.load(name, history=True)
    done = published(found.table, context.publication) if found is not None else None
    if done is not None:
        return done
    is_new = found is None
    staged = found or tables.catalog.stage(name, schema_of(new_fields(dataset)))
    _refuse_version(staged.table)
    fitted = fit(inputs, dataset, staged.table)
    target = Target(tables, name, staged, cleared(context.scratch / "table"), is_new=is_new)
    with tables.catalog.standing(name, target.table), _MODES[inputs.mode](target, inputs, context, fitted) as plan:
        return _published(target, inputs, context, fitted, plan)


def _refuse_version(table: Table) -> None:
    if table.version != _WRITTEN:
        help = "upgrade it by an engine that does" if table.version < _WRITTEN else "write it by an engine that does"
        raise ConnectorError("data", f"the table has the format version {table.version}; {_WRITTEN} is written", help)


def _published(target: Target, inputs: WriteInputs, context: WriteContext, fitted: Fitted, plan: Plan) -> Written:
    """Write the files, put them there, and commit; what was put there for nothing is removed."""
    parts = values(target.table.spec, fitted.fields, {one.id: one.name for one in plan.columns})
    ordered = inputs.from_ not in context.session.unordered
    made = write_files(context.session, plan.sql, plan.columns, parts, target.folder / "data", ordered=ordered)
    count, size = sum(one.records for one in made), sum(one.size for one in made)
    warnings = (f"the table `{inputs.table}` has other columns now: {fitted.anew}",) if fitted.anew else ()
    written = Written(count if plan.rows is None else plan.rows, size, plan.inserted, plan.updated, warnings)
    try:
        context.still_ours()
        schema = target.schema(fitted)
        added = target.put_data(made, parts, schema, context.publication)
        older = plan.older()
        operation = "append" if inputs.mode == "append" else "overwrite"
        told = {"operation": operation, **told_of(made, older)}
        snapshot = target.snapshot(told, written, [*older.changed, *added], older.kept, context.publication)
        context.still_ours()
        commit(target, fitted, schema, snapshot, context.publication)
    except ConnectorError as error:
        if error.error_class in REFUSED and not isinstance(error, Unsettled):
            target.take_back()
        raise
    return written


@contextmanager
def _added(target: Target, inputs: WriteInputs, context: WriteContext, fitted: Fitted) -> Iterator[Plan]:
    """Rows beside those that are there, or in the place of all."""
    older = all_kept if inputs.mode == "append" else all_removed
    yield Plan(_cast(inputs, context, fitted), list(fitted.filled.values()), lambda: older(target))


@contextmanager
def _merged(target: Target, inputs: WriteInputs, context: WriteContext, fitted: Fitted) -> Iterator[Plan]:
    """Rows in the place of those of the same keys or partitions, whose files are written anew."""
    session, dataset = context.session, _cast(inputs, context, fitted)
    table, folder = target.table._replace(fields=fitted.fields), target.folder / "old"
    rows = rows_with_files(session, table, target.places, _made(folder))
    with merged(session, inputs, dataset, fitted.filled, fitted.fields, rows) as one:
        older = lambda: some_removed(target, one.gone)  # noqa: E731  # it is handed over
        yield Plan(one.sql, fitted.fields, older, one.rows, one.inserted, one.updated)


def _cast(inputs: WriteInputs, context: WriteContext, fitted: Fitted) -> str:
    return cast(inputs.from_, context.session.columns(inputs.from_), fitted.filled)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_MODES = {"append": _added, "insert_overwrite": _merged, "replace": _added, "upsert": _merged}
