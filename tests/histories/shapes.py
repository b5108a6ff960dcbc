"""Of what histories are made: cursors, sources, sinks and flows, each a row of a table."""

import csv
import json
import random
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from histories import far, server


class Row(NamedTuple):
    """A row of the source. `n` tells one version of it from every other that was ever there."""

    n: int
    id: int
    seen: Any
    """The cursor's value."""


class Cursor(NamedTuple):
    """A type of cursors: its value at a tick of the source's own time, and what `lookback` may be, with its length."""

    type: str
    value: Callable[[int], Any]
    read: Callable[[str], Any]
    """From the text that the state has."""
    lookbacks: Mapping[int | str, Any]


_BEGIN = datetime(2026, 1, 1)
_HOURS = {"2h": timedelta(hours=2)}
CURSORS: Sequence[Cursor] = (
    Cursor("bigint", lambda tick: tick, int, {0: 0, 7: 7}),
    Cursor("decimal(12,2)", lambda tick: Decimal(tick) / 4, Decimal, {0: Decimal(0), 2: Decimal(2)}),
    Cursor("date", lambda tick: _BEGIN.date() + timedelta(tick // 3), date.fromisoformat, {"2d": timedelta(2)}),
    Cursor(
        "timestamp", lambda tick: _BEGIN + timedelta(0, 1200 * tick), datetime.fromisoformat, {7200: timedelta(0, 7200)}
    ),
    Cursor("varchar", lambda tick: f"{tick:06}", str, {}),
)
FIELDS = Row._fields
SOURCE = "source"
"""The folder of the source, below the run's base folder."""
SINKS = "sinks"
"""That of the sinks."""


class Source(NamedTuple):
    """A kind of sources: the connector, how a `read` names its rows, and how they come to be there, where none are."""

    connector: Mapping[str, Any]
    place: Mapping[str, str]
    fill: Callable[[Path, Sequence[Row], Cursor], None]


def _to_sqlite(folder: Path, rows: Sequence[Row], cursor: Cursor) -> None:
    del cursor
    with sqlite3.connect(folder / "orders.sqlite") as shop:
        shop.execute("create table orders (n integer, id integer, seen)")
        shop.executemany("insert into orders values (?, ?, ?)", [(*row[:2], _plain(row.seen)) for row in rows])
    shop.close()


def _to_duckdb(folder: Path, rows: Sequence[Row], cursor: Cursor) -> None:
    import duckdb

    with duckdb.connect(str(folder / "orders.duckdb")) as shop:
        shop.execute(f"create table orders (n bigint, id bigint, seen {cursor.type})")
        if rows:
            shop.executemany("insert into orders values (?, ?, ?)", [list(row) for row in rows])


def _to_parquet(folder: Path, rows: Sequence[Row], cursor: Cursor) -> None:
    import duckdb

    _to_duckdb(folder, rows, cursor)
    with duckdb.connect(str(folder / "orders.duckdb")) as shop:
        for part in range(2):
            shop.execute(f"copy (from orders where n % 2 = {part}) to '{folder}/orders-{part}.parquet'")
    (folder / "orders.duckdb").unlink()


def _to_csv(folder: Path, rows: Sequence[Row], cursor: Cursor) -> None:
    del cursor
    for part in range(2):
        with (folder / f"orders-{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([FIELDS, *((*row[:2], _plain(row.seen)) for row in rows if row.n % 2 == part)])


def _to_ndjson(folder: Path, rows: Sequence[Row], cursor: Cursor) -> None:
    del cursor
    lines = (json.dumps(row._replace(seen=_plain(row.seen))._asdict()) for row in rows)
    (folder / "orders.ndjson").write_text("".join(f"{line}\n" for line in lines))


def _to_postgres(folder: Path, rows: Sequence[Row], cursor: Cursor) -> None:
    home = folder.parent
    with server.connected(home) as shop:
        columns = f"n bigint, id bigint, seen {cursor.type}"
        shop.execute(server.named(home, f"create table {{}} ({columns})", "orders"))
        with shop.cursor() as writer:
            writer.executemany(server.named(home, "insert into {} values (%s, %s, %s)", "orders"), rows)


def _plain(value: Any) -> int | str | None:
    """Return a value as texts and files without types have it."""
    return value if value is None or isinstance(value, int) else str(value)


_FILES = {"type": "local", "config": {"root": SOURCE}}
_DUCKDB = {"type": "duckdb", "config": {"path": f"{SOURCE}/orders.duckdb"}}
_SQLITE = {"type": "sqlite3", "config": {"path": f"{SOURCE}/orders.sqlite"}}
SOURCES: Mapping[str, Source] = {
    "csv": Source(_FILES, {"path": "orders-*.csv"}, _to_csv),
    "duckdb": Source(_DUCKDB, {"table": "orders"}, _to_duckdb),
    "ndjson": Source(_FILES, {"path": "orders.ndjson"}, _to_ndjson),
    "postgres": Source(server.CONNECTOR, {"table": "orders"}, _to_postgres),
    "parquet": Source(_FILES, {"path": "orders-*.parquet"}, _to_parquet),
    "sqlite": Source(_SQLITE, {"table": "orders"}, _to_sqlite),
}


class Sink(NamedTuple):
    """One sink of a flow: a table of the DuckDB or SQLite file, of PostgreSQL or MySQL, or a file for each run."""

    kind: str
    mode: str
    step: str

    @property
    def file(self) -> str:
        """Where its rows are, below the folder of the sinks; of files, the folder that they are in."""
        return {"duckdb": "sinks.duckdb", "sqlite": "sinks.sqlite"}.get(self.kind, self.step)

    @property
    def inputs(self) -> dict[str, Any]:
        """What its `write` is given, but for the dataset."""
        is_file = self.kind in ("files", "s3")
        place = {"path": f"{self.step}/{{{{ run.id }}}}.parquet"} if is_file else {"table": self.step}
        keys = {"keys": ["id"]} if self.mode == "upsert" else {}
        return {"resource": self.kind, **place, "mode": self.mode, **keys}


KINDS = (
    *product(("duckdb", "mysql", "postgres", "sqlite"), ("append", "upsert")),
    *product(("files", "s3"), ("replace",)),
)
BAD = -1
"""The id of a row that a flow with a check refuses."""


class Flow(NamedTuple):
    """What a flow reads, and what it does with that."""

    source: str
    cursor: Cursor
    read: str
    """The step's name."""
    lookback: int | str | None
    initial: Any
    sinks: tuple[Sink, ...]
    filtered: bool
    """Whether SQL leaves out every third id."""
    checked: bool
    """Whether a check refuses the BAD row."""
    later: bool
    """Whether the last sink is in a job of its own."""
    least: int
    """Below how many rows that job is skipped."""

    def __str__(self) -> str:
        what = {"filtered": self.filtered, "checked": self.checked, "the last one in a later job": self.later}
        said = [one for one, is_so in what.items() if is_so]
        said += [f"{name} {value}" for name, value in self._known.items()] + [f"least {self.least}"] * bool(self.least)
        sinks = " and ".join(one.step for one in self.sinks)
        return ", ".join([f"{self.source} by {self.cursor.type} as `{self.read}` to {sinks}", *said])

    @property
    def text(self) -> str:
        """The flow as its file has it: JSON is YAML."""
        read, *rest = self._steps
        dataset = {"from": "kept" if self.filtered else self.read}
        writes = [_step(one.step, "write", **dataset, **one.inputs) for one in self.sinks]
        load: dict[str, Any] = {"id": "load", "steps": [read, *rest, *writes]}
        jobs = [load]
        if self.later:
            jobs.append({"id": "later", "depends_on": ["load"], "steps": [load["steps"].pop()]})
        if self.least:
            read["outputs"] = {"n": "{{ result.rows }}"}
            jobs[1]["when"] = f"jobs.load.outputs.n >= {self.least}"
        resources = {name: {"profile": name} for name in ("shop", *(one.kind for one in self.sinks))}
        return json.dumps({"name": "history", "version": "1.0.0", "resources": resources, "jobs": jobs}, indent=1)

    @property
    def _steps(self) -> list[dict[str, Any]]:
        """What comes before the writes."""
        schema = {"n": "bigint", "id": "bigint", "seen": self.cursor.type}
        goes_on = {"cursor": "seen", **self._known}
        place = SOURCES[self.source].place
        steps = [_step(self.read, "read", resource="shop", **place, schema=schema, incremental=goes_on)]
        if self.checked:
            rule = {"between": {"column": "id", "min": 0}}
            steps.append(_step("check", "check", **{"from": self.read}, expectations=[rule]))
        if self.filtered:
            steps.append(_step("kept", "sql", sql=f"select * from {self.read} where id % 3 <> 0"))
        return steps

    @property
    def _known(self) -> dict[str, Any]:
        known = {"lookback": self.lookback, "initial": _plain(self.initial)}
        return {key: value for key, value in known.items() if value is not None}

    @property
    def platform(self) -> str:
        """The platform that it runs on."""
        sinks = {
            "duckdb": {"type": "duckdb", "config": {"path": f"{SINKS}/sinks.duckdb"}},
            "sqlite": {"type": "sqlite3", "config": {"path": f"{SINKS}/sinks.sqlite"}},
            "files": {"type": "local", "config": {"root": SINKS}},
            "postgres": server.CONNECTOR,
            **far.CONNECTORS,
        }
        connectors = {"shop": SOURCES[self.source].connector, **sinks}
        return json.dumps({"version": "1.0.0", "environment": "test", "connectors": connectors})


def _step(id: str, type: str, **inputs: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "inputs": inputs}


def drawn(chance: random.Random) -> Flow:
    """Return a flow by chance."""
    source = chance.choice(sorted(SOURCES))
    cursor = chance.choice([one for one in CURSORS if source != "sqlite" or one.type in ("bigint", "varchar")])
    sinks = _sinks(chance.sample(KINDS, chance.choice((1, 1, 2, 3))))
    later = chance.random() < 0.4
    return Flow(
        source,
        cursor,
        "orders",
        chance.choice([None, None, *cursor.lookbacks]),
        cursor.value(chance.randrange(4, 12)) if chance.random() < 0.3 else None,
        sinks,
        filtered=chance.random() < 0.4,
        checked=chance.random() < 0.4,
        later=later,
        least=chance.choice((0, 3)) if later else 0,
    )


def changed(flow: Flow, chance: random.Random) -> Flow:
    """Return a flow as somebody has changed it: another lookback, one more sink, or another name of the read."""
    free = [one for one in KINDS if one not in [(sink.kind, sink.mode) for sink in flow.sinks]]
    match chance.randrange(3):
        case 0:
            return flow._replace(lookback=chance.choice([None, *flow.cursor.lookbacks]))
        case 1 if free:
            return flow._replace(sinks=(*_sinks([chance.choice(free)]), *flow.sinks))
        case _:
            return flow._replace(read="orders_2")


def _sinks(kinds: Iterable[tuple[str, str]]) -> tuple[Sink, ...]:
    return tuple(Sink(kind, mode, f"{mode}_{kind}") for kind, mode in kinds)
