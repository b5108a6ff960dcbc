"""A table of a database that is attached to the engine, as a write meets it: within one transaction of the engine."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from firn_runtime.connectors.attached.sqlite_reading import asked, is_misleading
from firn_runtime.connectors.attached.sqlite_types import HELPS, SQLITE_TYPES, kept_text, numbered, sqlite_value
from firn_runtime.connectors.databases.schema_policy import TableColumn, Types
from firn_runtime.connectors.databases.write_modes import Dialect, refuse_as_target, refuse_unless_all
from firn_runtime.engine import Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import dotted, identifier, literal

_STAGE, _CHANGED = 'temp.main."_firn_stage"', 'temp.main."_firn_changed"'


def _duckdb_type(kind: str) -> str:
    return "INTEGER" if kind == '"NULL"' else kind


DUCKDB = Dialect(
    Types(declared=_duckdb_type, stored=_duckdb_type),
    _STAGE,
    opened="insert into {target} ({columns}) select {columns} from {target} limit 0",
    changed=_CHANGED,
)
"""`opened` reads the table's unique indexes in, which a `delete` does not: what is inserted after it would be taken for
a duplicate of what it has deleted. `changed`, since an `update` keeps all that it changes in memory until the commit,
which a `delete` and an `insert` do not."""
_REFERENCED = DUCKDB._replace(changed="")
"""Rows that foreign keys point to cannot be deleted, not even for a moment."""
SQLITE = Dialect(SQLITE_TYPES, _STAGE)

_COLUMNS = """
    select column_name, data_type, is_nullable, column_default is not null from duckdb_columns()
    where database_name = $1 and lower(schema_name) = lower($2) and lower(table_name) = lower($3)
    order by column_index"""
_VIEWS = """
    select 1 from duckdb_views()
    where database_name = $1 and lower(schema_name) = lower($2) and lower(view_name) = lower($3)"""
_REFERENCES = """
    select 1 from duckdb_constraints() where constraint_type = 'FOREIGN KEY'
    and database_name = $1 and lower(referenced_table) = lower($2) limit 1"""


class AttachedTable:
    """The table `schema.table` of the attached database `database`, to which a dataset is written."""

    def __init__(self, session: Session, place: tuple[str, str, str], dataset: str) -> None:
        self._session, self._place, self._dataset = session, place, dataset
        self.name = dotted(*place)

    @property
    def dialect(self) -> Dialect:
        """How the table is written."""
        database, _, table = self._place
        return _REFERENCED if self._session.execute(_REFERENCES, (database, table)) else DUCKDB

    def columns(self) -> list[TableColumn]:
        """Return the table's columns; raise ConnectorError for what is no table.

        A generated column is one whose default the catalog knows and `describe` does not; a primary key that may be
        NULL is SQLite's own number of the row.
        """
        other = self._other()
        if other:
            refuse_as_target(self._place[2], other)
        found = self._session.execute(_COLUMNS, self._place)
        described = self._session.execute(f"describe {self.name}") if found else []
        defaults = {str(row[0]): row[4] is not None for row in described}
        numbers = {str(row[0]) for row in described if row[2] == "YES" and row[3] == "PRI"}
        return [
            TableColumn(
                name,
                kind,
                kind,
                is_nullable=is_nullable,
                has_default=default or name in numbers,
                is_generated=default and not defaults[name],
            )
            for name, kind, is_nullable, default in found
        ]

    def _other(self) -> str:
        """Return what it is, where it is no table."""
        return "a view" if self._session.execute(_VIEWS, self._place) else ""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT."""
        return self._session.execute(sql)

    def change(self, sql: str) -> int:
        """Run a statement and return the number of rows that it changed."""
        changed = self._session.execute(sql)
        return int(changed[0][0]) if changed else 0

    def may_keep(self) -> bool:
        """Say no: DuckDB has no triggers."""
        return False

    def load(self, table: str, columns: str) -> int:
        """Add the dataset."""
        return self.change(f"insert into {table} ({columns}) select {self.values()} from {self._rows()}")

    def _rows(self) -> str:
        """Return where the dataset's rows come from.

        The engine holds rows back, and writes many of them twice, to insert in order what several threads read. It
        promises none behind a join: this one finds nothing, once for each row, and costs next to nothing.
        """
        dataset, columns = identifier(self._dataset), self._session.columns(self._dataset)
        if self._dataset not in self._session.unordered:
            return dataset
        same = f"_nothing.n = (_rows.{identifier(next(iter(columns)))} is null)::bigint"
        nothing = "(select range as n from range(0)) as _nothing"
        return f"(select _rows.* from {dataset} as _rows left join {nothing} on {same})"

    def values(self) -> str:
        """Return what is selected of the dataset."""
        return _listed(self._session.columns(self._dataset), lambda name, _: identifier(name))


_TRIGGERS = """
    select count(*) from sqlite_schema where tbl_name = {0} collate nocase
    and (type = 'trigger' or (type = 'table' and sql like '%conflict%'))"""
"""What may take rows without keeping them; only then are the table's rows counted, which reads all of it."""
_NO_TABLE = """
    select case type when 'view' then 'a view' else 'a virtual table' end from sqlite_schema
    where name = {0} collate nocase and (type = 'view' or sql like 'create virtual table%')"""
"""Virtual tables keep other values, such as rounded numbers, and `replace` would make them anew as plain ones."""
_REFUSED = (
    (
        "no such column: rowid",
        "the engine can only add rows to a table `without rowid`",
        "write it with `mode: append`",
    ),
    (
        "for sqlite::bindvalue",
        "the engine cannot change values in columns that SQLite's table declares as dates or times",
        "declare them as text, which they are; or `mode: insert_overwrite` with the keys as `partition_by`",
    ),
)
"""Words of the engine's sqlite extension, with what they mean and what to do."""


_COUNTED = """
    select lower(c.name) from pragma_table_xinfo({0}) as c, pragma_table_list as l
    where l.schema = 'main' and l.name = {0} collate nocase and not l.strict and not (
        c.type like '%char%' or c.type like '%clob%' or c.type like '%text%' or c.type like '%blob%' or c.type = '')"""
"""Columns in which SQLite makes a number of a text that looks like one; the engine takes some of them for texts, such
as `string`, `json` and `uuid`."""


_NUMBER = """
    select lower(name) from pragma_table_info({0}) where pk = 1 and type = 'integer' collate nocase
    and (select max(pk) from pragma_table_info({0})) = 1"""
"""The column that is another name of the row's number."""


class SqliteTable(AttachedTable):
    """A table of a SQLite file."""

    dialect = SQLITE

    @cached_property
    def _may_leave_out(self) -> bool:
        """Return whether the table has what takes rows without keeping them: the engine counts what it gives."""
        database, _, table = self._place
        return asked(self._session, database, _TRIGGERS.format(literal(table))) != [("0",)]

    def may_keep(self) -> bool:
        """Say whether the table has triggers, or what leaves rows out."""
        return self._may_leave_out

    def _other(self) -> str:
        """Ask SQLite: the engine would prepare every view of the file, and some need another program's functions."""
        database, _, table = self._place
        found = asked(self._session, database, _NO_TABLE.format(literal(table)))
        return str(found[0][0]) if found else ""

    @cached_property
    def _counted(self) -> set[str]:
        """Return the names of columns in which texts may become numbers, in lower case."""
        database, _, table = self._place
        return {str(name) for (name,) in asked(self._session, database, _COUNTED.format(literal(table)))}

    @cached_property
    def _number(self) -> set[str]:
        """Return the name of the column that numbers itself, in lower case, if there is one."""
        database, _, table = self._place
        return {str(name) for (name,) in asked(self._session, database, _NUMBER.format(literal(table)))}

    def values(self) -> str:
        """Return the dataset's columns as SQLite takes them."""

        def value(name: str, kind: str) -> str:
            taken = sqlite_value(name, kind)
            taken = kept_text(name, kind, taken) if name.lower() in self._counted else taken
            return numbered(name, taken) if name.lower() in self._number else taken

        return _listed(self._session.columns(self._dataset), value)

    def change(self, sql: str) -> int:
        """Run a statement; raise ConnectorError where it adds fewer rows to the table than it gives.

        So it does where the engine would delete or update other rows than those that are meant.
        """
        if sql.startswith((f"delete from {self.name}", f"update {self.name} ")):
            self._refuse_misleading()
        if not (sql.startswith(f"insert into {self.name} ") and self._may_leave_out):
            return self._changed(sql)
        before = self._count()
        given = self._changed(sql)
        refuse_unless_all(self._count() - before, given, "a trigger or an `on conflict` clause")
        return given

    def _refuse_misleading(self) -> None:
        database, _, table = self._place
        if is_misleading(self._session, database, table):
            said = "the engine can only add rows to a table with a column of its own that is named `rowid`"
            raise ConnectorError("data", said, "write it with `mode: append`, or rename the column")

    def _count(self) -> int:
        return int(self.rows(f"select count(*) from {self.name}")[0][0])

    def _changed(self, sql: str) -> int:
        """Run a statement, and say what SQLite could not do."""
        try:
            return super().change(sql)
        except ConnectorError as error:
            for ending, help in HELPS.items():
                if error.message.endswith(ending):
                    raise ConnectorError(error.error_class, error.message, help) from None
            for words, said, help in _REFUSED:
                if words in error.message.lower():
                    raise ConnectorError("data", said, help) from None
            raise


def _listed(columns: Mapping[str, str], value: Callable[[str, str], str]) -> str:
    return ", ".join(value(name, kind) for name, kind in columns.items())
