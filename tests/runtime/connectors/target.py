"""A table in every database, which one write after another goes to: what is there before and after, exactly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connector import Written
from firn_runtime.errors import ConnectorError
from firn_runtime.publication import Publication
from runtime.connectors import sinks
from runtime.connectors.sinks import PUBLICATION, Sink
from runtime.workbench import Workbench

MODES: dict[str, dict[str, Any]] = {
    "replace": {},
    "append": {},
    "upsert": {"keys": ["k"]},
    "insert_overwrite": {"partition_by": ["p"]},
}
OLD = [(1, "a", 10), (2, "a", 20), (3, "b", 30)]
TABLE = "create table t (k bigint, p text, v bigint)"
FILLED = "insert into t (k, p, v) values (1, 'a', 10), (2, 'a', 20), (3, 'b', 30)"
NEW = "select * from (values (2::integer, 'a', 21::integer), (4, 'a', 41)) d(k, p, v)"
ADDED = [(2, "a", 21), (4, "a", 41)]
EXPECTED = {
    "replace": ADDED,
    "append": sorted([*OLD, *ADDED]),
    "upsert": [(1, "a", 10), (2, "a", 21), (3, "b", 30), (4, "a", 41)],
    "insert_overwrite": [(2, "a", 21), (3, "b", 30), (4, "a", 41)],
}

SHAPES: dict[str, tuple[str, ...]] = {
    "as the dataset": (TABLE,),
    "other order": ("create table t (v bigint, p text, k bigint)",),
    "other case": ("create table t (K bigint, P text, V bigint)",),
    "narrower types": ("create table t (k smallint, p varchar(3), v int)",),
    "wider types": ("create table t (k bigint, p text, v double precision)",),
    "a column with a default": ("create table t (k bigint, more varchar(9) default 'm', p text, v bigint)",),
    "a primary key": ("create table t (k bigint primary key, p text, v bigint)",),
    "a primary key of two": ("create table t (k bigint, p varchar(9), v bigint, primary key (p, k))",),
    "a unique index": (
        "create table t (k bigint, p varchar(9), v bigint)",
        "create unique index once on t (k)",
        "create index other on t (v, p)",
    ),
    "required columns": ("create table t (k bigint not null, p text not null, v bigint not null)",),
}
UNIQUE = [shape for shape in SHAPES if "primary" in shape or "unique" in shape]


class Target:
    """A database without a table, which is looked at and changed from outside while no run has it open."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.sink: Sink = sinks.make(kind, folder)
        self.do("drop table t")

    def do(self, *statements: str) -> None:
        for statement in statements:
            self.sink.do(statement)

    def rows(self, sql: str = "select k, p, v from t order by k, p, v") -> list[tuple[Any, ...]]:
        return self.sink.rows(sql)

    def write(
        self,
        sql: str,
        mode: str,
        publication: Publication = PUBLICATION,
        still_ours: Callable[[], None] = lambda: None,
        **inputs: Any,
    ) -> Written:
        """Write a dataset as one run."""
        work = Workbench(self.folder, {"sink": self.sink.resource()})
        try:
            work.make("d", sql)
            named = {"resource": "sink", "table": "t", "mode": mode} | MODES[mode] | inputs
            return work.write(publication, still_ours, **named)
        finally:
            work.close()

    def refusal(self, sql: str, mode: str, **inputs: Any) -> str:
        """Return the message of a write that is refused because of its data."""
        with pytest.raises(ConnectorError) as caught:
            self.write(sql, mode, **inputs)
        assert caught.value.error_class == "data"
        assert caught.value.help
        assert "canary" not in caught.value.message
        return caught.value.message
