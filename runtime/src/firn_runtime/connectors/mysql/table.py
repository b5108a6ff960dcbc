"""A table of MySQL as a write meets it: within one transaction of one connection."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from firn_runtime.connectors.databases.schema_policy import TableColumn, Types
from firn_runtime.connectors.databases.write_modes import Dialect
from firn_runtime.connectors.mysql.types import CHANGED, column_kind, quoted, spelled_type, stored, written_type
from firn_runtime.errors import ConnectorError

if TYPE_CHECKING:
    from firn_runtime.connectors.mysql.server import Server

_COLUMNS = """
    select column_name, column_type, is_nullable = 'YES', coalesce(column_default, 'NULL') <> 'NULL', extra,
        coalesce(character_maximum_length, 0), coalesce(character_set_name, '')
    from information_schema.columns
    where table_schema = ? and table_name = ?
    order by ordinal_position"""
"""MariaDB says the word NULL of a column that has no default and may be NULL; a text it puts in quotes."""
_ENGINE = "select table_type, engine from information_schema.tables where table_schema = ? and table_name = ?"
_MADE = " engine=InnoDB default character set utf8mb4 collate utf8mb4_bin"
LOCKS = "_firn_locks"
"""Holds a row for each table that is written, so that who writes can lock it: a pool of connections cannot lose it."""
_PREFIX = 64
"""Characters of a text that the stage's index holds; a key of InnoDB is 3,072 bytes at most."""
_STAGE = "`_firn_stage`"
_OTHERS = frozenset(["cp932"])
"""Character sets in which MariaDB keeps one character as another, without a warning."""


def dialect(keys: Sequence[str]) -> Dialect:
    """Return what is MySQL's own in the modes; `keys` are the parts of the stage's index."""
    parts = ", ".join(keys).replace("{", "{{").replace("}", "}}")  # a name may hold braces, which would be filled in
    index = f"(index ({parts})) " if keys else ""
    staged = f"create temporary table {{stage}} {index}engine=InnoDB as select {{columns}} from {{target}} limit 0"
    return Dialect(
        Types(declared=written_type, stored=stored, quoted=quoted),
        stage=_STAGE,
        staged=staged,
        dropped="drop temporary table {stage}",
        settled="delete _stage from {stage} as _stage join {target} as _target on {same}",
        update="update {target} as _target join {stage} as _stage on {same} set {sets}",
        assigned="_target.{column} = _stage.{column}",
        delete="delete _target from {target} as _target "
        "where exists (select 1 from {source} as _stage where {same})",
        same_or_null="_target.{column} <=> _stage.{column}",
    )  # fmt: skip


class MySqlTable:
    """A table of a schema; `load` adds the dataset to the table of this name, into these columns."""

    def __init__(self, server: "Server", schema: str, table: str, load: Callable[[str, str], int]) -> None:
        self._server, self._place, self.load = server, (schema, table), load
        self.name = f"{quoted(schema)}.{quoted(table)}"
        self._lock = f"select 1 from {quoted(schema)}.{quoted(LOCKS)} where name = ?"

    def columns(self) -> list[TableColumn]:
        """Return the table's columns; raise where nothing can be undone in it."""
        found = self._server.rows(_COLUMNS, self._place)
        if found:
            self._refuse_without_transactions()
        return [
            _column(name, column_type, extra, charset, bool(is_nullable), bool(has_default))
            for name, column_type, is_nullable, has_default, extra, _, charset in found
        ]

    def is_there(self, table: str) -> bool:
        """Return whether the schema has such a table; to make one that is there would need a right."""
        return bool(self._server.rows(_ENGINE, (self._place[0], table)))

    def indexed(self, names: Sequence[str]) -> list[str]:
        """Return columns as parts of an index; of a text its first characters."""
        lengths = {str(row[0]).lower(): (str(row[1]), int(row[5])) for row in self._server.rows(_COLUMNS, self._place)}
        return [_part(name, *lengths[name.lower()]) for name in names if name.lower() in lengths]

    def _refuse_without_transactions(self) -> None:
        found = self._server.rows(_ENGINE, self._place)
        if not found:  # the server does not tell while somebody alters it
            help = "`retry` with `on: [conflict]` tries again"
            raise ConnectorError("conflict", f"the table `{self._place[1]}` is being changed by another session", help)
        ((table_type, engine),) = found
        if table_type == "VIEW" or engine != "InnoDB":
            what = "a view" if table_type == "VIEW" else f"kept by the engine {engine}"
            help = "write a table of the engine InnoDB, whose writes are undone where something fails"
            raise ConnectorError("data", f"the table `{self._place[1]}` is {what}", help)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT."""
        return self._server.rows(sql)

    def change(self, sql: str) -> int:
        """Run a statement and return the number of rows that it changed."""
        return self._server.changed(sql)

    def may_keep(self) -> bool:
        """Say no: MySQL's triggers can refuse a statement, and never leave out a row of it."""
        return False

    def make_lock(self) -> None:
        """Make what `lock` locks, outside of a transaction."""
        locks = f"{quoted(self._place[0])}.{quoted(LOCKS)}"
        if not self.is_there(LOCKS):
            self._server.rows(f"create table if not exists {locks} (name varchar(64) primary key){_MADE}")
        for name in self._locked():
            if not self._server.rows(self._lock, (name,)):
                self._server.rows(f"insert ignore into {locks} values (?)", (name,))

    def lock(self, server: "Server") -> None:
        """Let no other run write or change the table until that server's transaction ends; who reads it does not
        wait."""
        server.rows(f"{self._lock} for update", self._locked()[:1])

    def lock_loads(self) -> None:
        """Let no other run record a load: their rows have no index, and would wait for each other in a circle."""
        self._server.rows(f"{self._lock} for update", self._locked()[1:])

    def _locked(self) -> tuple[str, str]:
        return self._place[1].lower(), ""


def innodb(sql: str) -> str:
    """Return a CREATE TABLE as one of a table that has transactions, and texts that are compared exactly."""
    return sql + _MADE if sql.startswith("create table") else sql


def _column(name: str, column_type: str, extra: str, charset: str, is_nullable: bool, has_default: bool) -> TableColumn:
    declared = spelled_type(column_type)
    if charset in _OTHERS:
        declared += f" character set {charset}"
    if declared.startswith("timestamp") and is_nullable:
        declared += " null"
    generated = "GENERATED" in extra.upper().replace("DEFAULT_GENERATED", "")
    numbered = "auto_increment" in extra.lower()
    return TableColumn(
        name,
        column_kind(declared) if charset not in _OTHERS else CHANGED,
        declared,
        is_nullable=is_nullable,
        has_default=(has_default and not generated) or numbered,
        is_generated=generated,
    )


def _part(name: str, column_type: str, length: int) -> str:
    part = quoted(name)
    return f"{part}({min(length, _PREFIX)})" if length and not column_type.startswith(("enum", "set")) else part
