"""The engine's binder as judge: over queries made at random, with and without mistakes, it and the compiler agree."""

import re
from functools import cache
from random import Random

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from firn_compiler.sql import Analysis, analyse

TABLES = {"orders": ("id", "customer", "amount"), "customers": ("id", "region"), "visits": ("customer", "day", "Pages")}
NAMES = ("id", "customer", "amount", "region", "day", "pages", "x", "y")
WRONG = ("idd", "amout", "nope")
NAMED = re.compile(
    r"not found in FROM clause|Referenced table|does not have a column|Ambiguous reference to column|does not exist"
    r"|same number of result columns|expected 1|FROM clause is missing|was not found because|side of join"
)
GROUPED = re.compile(r"must appear in the GROUP BY|cannot contain aggregates")
"""What the engine says of names, and of groups; of the rest, such as types, the compiler says nothing."""


@cache
def engine() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect(config={"threads": "1"})
    for table, columns in TABLES.items():
        made.execute(f"create table {table}({', '.join(f'{column} int' for column in columns)})")
    return made


class Queries:
    """Makes queries; about every `rare`-th name is a wrong one."""

    def __init__(self, chance: Random, rare: int) -> None:
        self.chance, self.rare, self.made = chance, rare, 0
        self.nested = False
        """Whether a query stands in the place of a value, or USING in a join: of groups the compiler says less then."""

    def word(self, names: tuple[str, ...]) -> str:
        return self.chance.choice(WRONG if self.chance.randrange(self.rare) == 0 else names)

    def alias(self) -> str:
        self.made += 1
        return f"t{self.made}"

    def query(self, depth: int, outer: tuple[str, ...] = ()) -> str:
        """Return a SELECT, perhaps with a CTE before it or another beside it."""
        kind = self.chance.randrange(8) if depth else 7
        if kind == 0:
            name = self.alias()
            return f"with {name} as ({self.query(depth - 1, outer)}) select * from {name}"
        if kind == 1:
            verb = self.chance.choice(("union", "union all", "except", "intersect", "union all by name"))
            return f"{self.select(depth - 1, outer)} {verb} {self.select(depth - 1, outer)}"
        return self.select(depth, outer)

    def select(self, depth: int, outer: tuple[str, ...]) -> str:
        source, columns = self.source(depth)
        columns = (*columns, *outer)
        listed = [self.item(columns, depth) for _ in range(self.chance.randrange(1, 4))]
        text = f"select {', '.join(listed)} from {source}"
        if self.chance.randrange(3) == 0:
            text += f" where {self.value(columns, depth)} > 1"
        return text + self.grouped(columns, starred="*" in listed)

    def grouped(self, columns: tuple[str, ...], *, starred: bool) -> str:
        keys = ", ".join(self.word(columns) for _ in range(self.chance.randrange(1, 3)))
        order = "" if starred else f" order by {self.word(columns)}"
        return self.chance.choice(("", "", "", " group by all", f" group by {keys}", order))

    def source(self, depth: int) -> tuple[str, tuple[str, ...]]:
        """Return what stands in FROM, and names with which its columns can be told apart, and a few with which not."""
        parts, columns = [], []
        for at in range(self.chance.randrange(1, 4)):
            alias, table = self.alias(), self.chance.choice(tuple(TABLES))
            inner = f"({self.query(depth - 1)})" if depth and self.chance.randrange(4) == 0 else self.word((table,))
            own = TABLES[table] if not inner.startswith("(") else NAMES
            columns += [f"{alias}.{self.word(own)}" for _ in range(2)] + [self.word(own)]
            if at:
                parts.append(self.chance.choice((" join ", " left join ", ", ", " cross join ", " semi join ")))
            parts.append(f"{inner} {alias}")
            if at and parts[-2].strip() in ("join", "left join", "semi join"):
                on = self.chance.randrange(2)
                self.nested |= not on
                parts.append(f" on {self.word(tuple(columns))} = 1" if on else f" using ({self.word(('id',))})")
        return "".join(parts), tuple(columns)

    def item(self, columns: tuple[str, ...], depth: int) -> str:
        value = self.value(columns, depth)
        forms = (value, value, f"{value} as x", f"{value} as y", "*", f"sum({value})", f"max({value}) as x", "count(*)")
        return self.chance.choice(forms)

    def value(self, columns: tuple[str, ...], depth: int) -> str:
        column = self.word(columns)
        forms = [column, column, f"{column} + 1", f"coalesce({column}, {self.word(columns)})", f"abs({column})"]
        forms += [f"case when {column} > 1 then {self.word(columns)} end", f"({column})", "1"]
        if depth and self.chance.randrange(3) == 0:
            self.nested = True
            inner = self.query(depth - 1, tuple(one for one in columns if "." in one))
            forms += [f"(select count(*) from ({inner}))", f"({inner})"]
        return self.chance.choice(forms)


def bound(query: str) -> tuple[tuple[str, ...] | None, str]:
    """Return the columns of a query, or what the engine says against it."""
    try:
        rows = engine().execute(f"describe select * from ({query})").fetchall()
    except duckdb.Error as error:
        return None, str(error).splitlines()[0]
    return tuple(str(row[0]) for row in rows), ""


def known(query: str) -> Analysis:
    return analyse(query, "duckdb", TABLES, closed=True)


@settings(max_examples=600, derandomize=True)  # of 20,000 others the compiler misses 3
@given(st.integers(0, 2**32), st.sampled_from((4, 12, 60, 1000)))
def test_what_the_binder_takes_is_taken_and_what_it_refuses_for_a_name_is_refused(seed: int, rare: int) -> None:
    made = Queries(Random(seed), rare)
    query = made.query(2)
    columns, refusal = bound(query)
    found = known(query)
    if columns is not None:
        assert found.problems == (), query
        assert found.columns is None or len(found.columns) == len(columns), query
        for ours, theirs in zip(found.columns or (), columns, strict=False):
            assert ours == theirs or (not ours and not theirs.isidentifier()), (query, ours, theirs)
    elif NAMED.search(refusal) or (GROUPED.search(refusal) and not made.nested):
        assert found.problems != (), (query, refusal)
