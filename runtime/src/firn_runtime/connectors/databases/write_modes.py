"""The modes of `write` for every database: one recipe in SQL, and a row for each dialect.

All of it belongs to the caller's transaction, which also records the load. The dataset is loaded once: into the table
itself, or into a stage where several statements need its rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn, Protocol

from firn_runtime.connector import Written
from firn_runtime.connectors.databases.schema_policy import Fit, Types, fitted
from firn_runtime.connectors.databases.schema_policy import TableColumn as TableColumn
from firn_runtime.errors import ConnectorError
from firn_schemas.steps.data import WriteInputs
from firn_schemas.visible import listing


class Dialect(NamedTuple):
    """What databases differ in. Names in braces are filled in, quoted already.

    `_target` and `_stage` are not `t` and `s`: the engine would take `s.a` for a field of a column `s`.
    """

    types: Types
    stage: str
    """Name of the stage: a temporary table."""
    opened: str = ""
    """Run before rows of a table that is there are changed."""
    staged: str = "create temporary table {stage} as select {columns} from {target} limit 0"
    ready: str = ""
    """Run when the stage is full."""
    dropped: str = "drop table {stage}"
    settled: str = ""
    """Leaves in the stage only rows whose keys are new, once the others are updated; absent: the insert looks."""
    update: str = "update {target} as _target set {sets} from {stage} as _stage where {same}"
    assigned: str = "{column} = _stage.{column}"
    changed: str = ""
    """Name of a temporary table for rows as an update leaves them, which are deleted and inserted again; absent: they
    are changed where they lie."""
    delete: str = "delete from {target} as _target where exists (select 1 from {source} as _stage where {same})"
    same_or_null: str = "_target.{column} is not distinct from _stage.{column}"


class Sink(Protocol):
    """The table that is written, within the transaction of the write."""

    @property
    def name(self) -> str:
        """Its name, qualified and quoted."""
        ...

    def columns(self) -> Sequence[TableColumn]:
        """Return its columns, in order; none where there is no table."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT."""
        ...

    def change(self, sql: str) -> int:
        """Run a statement and return the number of rows that it changed."""
        ...

    def load(self, table: str, columns: str) -> int:
        """Add the dataset to a table, into `columns`, in the dataset's order; return the number of rows."""
        ...

    def may_keep(self) -> bool:
        """Say whether the table has what keeps rows that are deleted, such as triggers; only then are they sought."""
        ...


def publish(sink: Sink, inputs: WriteInputs, dataset: Mapping[str, str], dialect: Dialect) -> Written:
    """Write a dataset of these columns and types.

    Raises ConnectorError of class `data`, before the table's rows are touched, where columns do not fit, or keys are
    missing, NULL or repeated.
    """
    keys = _named(inputs, dataset)
    fit = fitted(inputs, dataset, sink.columns(), sink.name, dialect.types)
    _prepare(sink, inputs, fit)
    places = dict(zip(dataset, fit.names, strict=True))
    if dialect.opened:
        columns = ", ".join(map(dialect.types.quoted, fit.names))
        sink.change(dialect.opened.format(target=sink.name, columns=columns))
    load = _Load(sink, dialect, fit.names, tuple(places[key] for key in keys))
    return _MODES[inputs.mode](load)._replace(warnings=_told(inputs, fit))


def _prepare(sink: Sink, inputs: WriteInputs, fit: Fit) -> None:
    try:
        for statement in fit.statements:
            sink.change(statement)
    except ConnectorError as error:
        if not fit.anew:
            raise
        said = f"the table `{inputs.table}` cannot be made anew: {error.message}; it differs: {fit.anew}"
        help = "make the dataset's columns those of the table in a `sql` step before, or change the table"
        raise ConnectorError(error.error_class, said, help) from None


def _told(inputs: WriteInputs, fit: Fit) -> tuple[str, ...]:
    said = f"the table `{inputs.table}` was made anew, without its indexes, constraints and grants: {fit.anew}"
    return (said,) if fit.anew else ()


def _named(inputs: WriteInputs, dataset: Mapping[str, str]) -> list[str]:
    """Return the columns that name a row, or a partition, as the dataset spells them."""
    place = {"upsert": "keys", "insert_overwrite": "partition_by"}.get(inputs.mode)
    wanted: list[str] = (getattr(inputs, place) or []) if place else []
    known = {name.lower(): name for name in dataset}
    absent = [name for name in wanted if name.lower() not in known]
    if place and (absent or not wanted):
        said = f"`{place}` names what is no column of the dataset: {listing(absent)}"
        raise ConnectorError("data", said if absent else f"`mode: {inputs.mode}` needs `{place}`")
    return [known[name.lower()] for name in wanted]


class _Load:
    """One load: its table, the columns that it fills, and those of them that name a row or a partition."""

    def __init__(self, sink: Sink, dialect: Dialect, names: Sequence[str], keys: Sequence[str]) -> None:
        self.sink, self.dialect, self.target = sink, dialect, sink.name
        self.names, self.keys = names, keys
        self.columns = self.listed(names)

    def listed(self, names: Sequence[str], prefix: str = "") -> str:
        return ", ".join(prefix + self.dialect.types.quoted(name) for name in names)

    def same(self, pattern: str = "_target.{column} = _stage.{column}") -> str:
        return " and ".join(pattern.format(column=self.dialect.types.quoted(key)) for key in self.keys)

    def into(self, table: str) -> int:
        return self.sink.load(table, self.columns)

    @contextmanager
    def staged(self) -> Iterator[int]:
        """Load into the stage, for the block; give the number of rows."""
        stage = self.dialect.stage
        self.sink.change(self.dialect.staged.format(stage=stage, columns=self.columns, target=self.target))
        rows = self.into(stage)
        if self.dialect.ready:
            self.sink.change(self.dialect.ready.format(stage=stage))
        yield rows
        self.sink.change(self.dialect.dropped.format(stage=stage))

    def nulls(self) -> list[str]:
        """Return the keys that are NULL in some staged row."""
        counts = ", ".join(f"count(*) - count({self.dialect.types.quoted(key)})" for key in self.keys)
        (found,) = self.sink.rows(f"select {counts} from {self.dialect.stage}")
        return [key for key, count in zip(self.keys, found, strict=True) if count]

    def repeated(self) -> int:
        """Return how many keys the stage has more than once."""
        keys = self.listed(self.keys)
        grouped = f"select 1 as one from {self.dialect.stage} group by {keys} having count(*) > 1"
        return int(self.sink.rows(f"select count(*) from ({grouped}) as d")[0][0])

    def delete(self, source: str, same: str) -> None:
        self.sink.change(self.dialect.delete.format(target=self.target, source=source, same=same))
        self.refuse_kept(f"exists (select 1 from {source} as _stage where {same})")

    def refuse_kept(self, deleted: str) -> None:
        """Raise ConnectorError where rows are there of which the condition says that they were deleted."""
        if self.sink.may_keep() and self.sink.rows(f"select 1 from {self.target} as _target where {deleted} limit 1"):
            said = "rows that the write deletes are still there: a trigger, rule or policy of the table keeps them"
            raise ConnectorError("data", said, "write to a table without it, or with `mode: upsert`")

    def insert(self, where: str = "") -> int:
        chosen = self.listed(self.names, "_stage.")
        stage = self.dialect.stage
        return self.sink.change(
            f"insert into {self.target} ({self.columns}) select {chosen} from {stage} as _stage{where}"
        )

    def insert_new(self) -> int:
        """Insert the staged rows whose keys the table lacks."""
        if self.dialect.settled:
            stage, same = self.dialect.stage, self.same()
            self.sink.change(self.dialect.settled.format(target=self.target, stage=stage, same=same))
            return self.insert()
        return self.insert(f" where not exists (select 1 from {self.target} as _target where {self.same()})")

    def update(self) -> int:
        """Change the rows of the staged keys; a dataset of keys alone changes nothing."""
        quoted = [self.dialect.types.quoted(name) for name in self.names if name not in self.keys]
        if not quoted:
            return 0
        if self.dialect.changed:
            return self._exchange(self.dialect.changed)
        sets = ", ".join(self.dialect.assigned.format(column=column) for column in quoted)
        stage, same = self.dialect.stage, self.same()
        return self.sink.change(self.dialect.update.format(target=self.target, stage=stage, sets=sets, same=same))

    def _exchange(self, changed: str) -> int:
        """Put the rows of the staged keys in the place of those that are there, what the dataset lacks as it was."""
        kept = [one.name for one in self.sink.columns() if not (one.is_generated or one.name in self.names)]
        chosen = ", ".join(filter(None, (self.listed(self.names, "_stage."), self.listed(kept, "_target."))))
        joined = f"{self.target} as _target join {self.dialect.stage} as _stage on {self.same()}"
        self.sink.change(f"create temporary table {changed} as select {chosen} from {joined}")
        self.delete(self.dialect.stage, self.same())
        columns = self.listed((*self.names, *kept))
        updated = self.sink.change(f"insert into {self.target} ({columns}) select {columns} from {changed}")
        self.sink.change(self.dialect.dropped.format(stage=changed))
        return updated


def _append(load: _Load) -> Written:
    return Written(load.into(load.target))


def _replace(load: _Load) -> Written:
    load.sink.change(f"delete from {load.target}")
    load.refuse_kept("true")
    return Written(load.into(load.target))


def _upsert(load: _Load) -> Written:
    """Update the rows whose keys are there, then insert the others: needs no unique index, and meets none."""
    with load.staged() as rows:
        _refuse_nulls(load.nulls())
        _refuse_repeated(load.repeated(), load.keys)
        updated = load.update()
        inserted = load.insert_new()
        if len(load.names) > len(load.keys):
            refuse_unless_all(updated + inserted, rows)
    return Written(rows, inserted=inserted, updated=updated)


def _insert_overwrite(load: _Load) -> Written:
    """Delete the partitions that the dataset holds, then insert it.

    Plain equality first: it is what indexes and hash joins serve. NULL, which is a partition too, is rare.
    """
    with load.staged() as rows:
        load.delete(load.dialect.stage, load.same())
        nulls = load.nulls()
        if nulls:
            keys = load.listed(load.keys)
            some = " or ".join(f"{load.dialect.types.quoted(key)} is null" for key in nulls)
            source = f"(select distinct {keys} from {load.dialect.stage} where {some})"
            load.delete(source, load.same(load.dialect.same_or_null))
        refuse_unless_all(load.insert(), rows)
    return Written(rows)


_MODES: dict[str, Callable[[_Load], Written]] = {
    "append": _append,
    "insert_overwrite": _insert_overwrite,
    "replace": _replace,
    "upsert": _upsert,
}


def refuse_unless_all(done: int, rows: int, by: str = "a trigger or rule") -> None:
    """Raise ConnectorError where the table took fewer rows than it was given: `by` says what may leave some out."""
    if done < rows:
        said = f"{rows - done} of {rows} rows were left out: {by} of the table does that"
        raise ConnectorError("data", said, "write to a table without it, or leave the rows out in a `sql` step before")


def refuse_as_target(name: str, what: str) -> NoReturn:
    """Raise ConnectorError for what has a table's name and is none."""
    raise ConnectorError("data", f"`{name}` is {what}, and rows are written to tables", "write the table behind it")


def _refuse_nulls(keys: Sequence[str]) -> None:
    if keys:
        help = "a key names one row: leave these rows out in a `sql` step before, or choose other `keys`"
        raise ConnectorError("data", f"the dataset has rows without a key: NULL in {listing(keys)}", help)


def _refuse_repeated(count: int, keys: Sequence[str]) -> None:
    if count:
        several = f"{count} keys" if count > 1 else "one key"
        help = "keep one row of each in a `sql` step before, or choose other `keys`"
        raise ConnectorError("data", f"the dataset has {several} in more than one row: {listing(keys)}", help)
