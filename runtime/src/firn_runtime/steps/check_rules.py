"""The rules of a `check` as measures: one number about a dataset, what it must be, and the rows that are to blame."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import Any, NamedTuple

from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import dotted, identifier
from firn_schemas.steps.checks import AcceptedValues, Between, Expectation, Freshness, Relationship, RowCount
from firn_schemas.visible import listing

_DECIMAL = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
"""A text that spells a number which the engine has exactly."""

Verdict = Callable[[Any], str]
"""Takes the measured number; returns what is wrong, or nothing."""


class Data(NamedTuple):
    """The dataset that is checked, and when the run began."""

    name: str
    columns: Mapping[str, str]
    session: Session
    started_at: datetime

    def column(self, name: str) -> str:
        """Return the type of a column."""
        return next(kind for column, kind in self.columns.items() if column.lower() == name.lower())

    def rows(self, condition: str, params: Sequence[Any] = ()) -> Relation:
        """Return the rows for which a condition holds."""
        return Relation(f"select * from {identifier(self.name)} where {condition}", tuple(params))


class Measure(NamedTuple):
    """One number about the dataset, an aggregate over its rows, and how to judge it."""

    aggregate: str
    verdict: Verdict
    params: tuple[Any, ...] = ()
    columns: tuple[str, ...] = ()
    """Those that the rule is about."""
    breaking: Relation | None = None
    """The rows that break the rule, where there are such."""


def measures_of(expectation: Expectation, data: Data) -> list[Measure]:
    """Return what is to be measured for an expectation; a rule of SQL is none of these."""
    return [
        measure
        for name, make in _RULES.items()
        if (rule := getattr(expectation, name)) is not None
        for measure in make(rule, data)
    ]


def _row_count(rule: RowCount | int, _: Data) -> Iterator[Measure]:
    limits = RowCount(equals=rule) if isinstance(rule, int) else rule

    def verdict(rows: int) -> str:
        wrong = [
            f"{word} {limit}"
            for word, limit, holds in (
                ("exactly", limits.equals, rows == limits.equals),
                ("at least", limits.min, rows >= (limits.min or 0)),
                ("at most", limits.max, limits.max is None or rows <= limits.max),
            )
            if limit is not None and not holds
        ]
        return f"it has {_rows(rows)}, not {' and '.join(wrong)}" if wrong else ""

    yield Measure("count(*)", verdict)


def _not_null(rule: str | list[str], data: Data) -> Iterator[Measure]:
    for column in _names(rule):
        name = identifier(column)
        missing = data.rows(f"{name} is null")
        yield Measure(f"count(*) - count({name})", partial(_nulls, column), columns=(column,), breaking=missing)


def _nulls(column: str, number: int) -> str:
    return f"`{column}` has {number} NULL{'' if number == 1 else 's'}" if number else ""


def _unique(rule: str | list[str], data: Data) -> Iterator[Measure]:
    """NULLs are compared as values: two rows without a key are a repetition."""
    columns = _names(rule)
    names = ", ".join(identifier(column) for column in columns)
    repeated = f"from {identifier(data.name)} group by {names} having count(*) > 1"

    def verdict(count: int) -> str:
        what = "`" + "`, `".join(columns) + "`"
        words = "1 value occurs" if count == 1 else f"{count} values occur"
        return f"{what} {'repeat' if len(columns) > 1 else 'repeats'}: {words} more than once" if count else ""

    breaking = Relation(f"select {names} {repeated}")
    yield Measure(f"(select count(*) from (select 1 {repeated}))", verdict, breaking=breaking)


def _accepted_values(rule: AcceptedValues, data: Data) -> Iterator[Measure]:
    name = identifier(rule.column)
    marks = ", ".join("?" for _ in rule.values)
    outside = f"{name} not in ({marks})" if marks else f"{name} is not null"
    values = [_fitting(value, data.column(rule.column)) for value in rule.values]
    yield _outside(rule.column, outside, values, "the accepted values", data)


def _fitting(value: str | float | bool, kind: str) -> str | float | bool | Decimal:
    """Return a value as a column of this type holds it: the engine would take `01` for 1 and, of a text, 1.4 too."""
    if kind == "VARCHAR":
        return value if isinstance(value, str) else json.dumps(value)
    is_number = isinstance(value, str) and _comparable(kind) == "number" and _DECIMAL.fullmatch(value)
    return Decimal(value) if is_number else value


def _between(rule: Between, data: Data) -> Iterator[Measure]:
    """NaN is no number, and lies in no range."""
    name = identifier(rule.column)
    kind = data.column(rule.column)
    bounds = [(word, bound) for word, bound in (("<", rule.min), (">", rule.max)) if bound is not None]
    outside = [f"{name} {word} ?" for word, _ in bounds] or ["false"]
    outside += [f"isnan({name})"] if kind in ("FLOAT", "DOUBLE") else []
    values = [bound if kind == "VARCHAR" else _fitting(bound, kind) for _, bound in bounds]
    yield _outside(rule.column, " or ".join(outside), values, "its range", data)


def _outside(column: str, condition: str, params: Sequence[Any], what: str, data: Data) -> Measure:
    return Measure(
        f"count_if({condition})",
        lambda rows: f"`{column}` holds {_rows(rows)} outside {what}" if rows else "",
        tuple(params),
        (column,),
        data.rows(condition, params),
    )


def _freshness(rule: Freshness, data: Data) -> Iterator[Measure]:
    kind = data.column(rule.column)
    if not kind.startswith(("TIMESTAMP", "DATE")):
        help = "give it the type of a timestamp or date, in the `schema` of its `read` or in a `sql` step"
        raise ConnectorError("data", f"`{rule.column}` is {kind}, and says not how fresh a row is", help)
    name, now = identifier(rule.column), data.started_at.astimezone(UTC).timestamp()

    def verdict(newest: float | None) -> str:
        if newest is None:
            return f"`{rule.column}` says of no row how fresh it is"
        age = now - newest
        if age <= rule.max_age_seconds:
            return ""
        return f"the newest `{rule.column}` is {age:,.0f} s old, more than {rule.max_age_seconds:,.0f} s"

    yield Measure(f"epoch(max({name}) filter (isfinite({name})))", verdict)


def _relationship(rule: Relationship, data: Data) -> Iterator[Measure]:
    other = _table(rule.to)
    columns = data.session.described(Relation(f"from {other}"))
    refuse_unknown(columns, [rule.field], f" in `{rule.to}`")
    kinds = data.column(rule.column), next(kind for name, kind in columns.items() if name.lower() == rule.field.lower())
    if _comparable(kinds[0]) != _comparable(kinds[1]):
        message = f"`{rule.column}` is {kinds[0]} and `{rule.to}.{rule.field}` {kinds[1]}: they cannot be compared"
        raise ConnectorError("data", message, "cast one of them, in the `schema` of its `read` or in a `sql` step")
    mine = f"{identifier(data.name)}.{identifier(rule.column)}"
    there = f"select 1 from {other} as others where others.{identifier(rule.field)} = {mine}"
    missing = f"{mine} is not null and not exists ({there})"
    yield Measure(
        f"(select count(*) from {identifier(data.name)} where {missing})",
        lambda rows: f"`{rule.column}` holds {_rows(rows)} that `{rule.to}.{rule.field}` does not have" if rows else "",
        columns=(rule.column,),
        breaking=data.rows(missing),
    )


_RULES: Mapping[str, Callable[[Any, Data], Iterator[Measure]]] = {
    "row_count": _row_count,
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": _accepted_values,
    "between": _between,
    "freshness": _freshness,
    "relationship": _relationship,
}


def _table(name: str) -> str:
    """Return a dataset's name, which may have its job's before it, as SQL spells it."""
    job, dot, dataset = name.rpartition(".")
    return dotted(job, dataset) if dot else identifier(name)


def _comparable(kind: str) -> str:
    """Return what kind of values a type holds: those of one kind are compared as they are."""
    if kind.endswith(("]", ")")) and not kind.startswith("DECIMAL"):
        return kind
    if kind.startswith(("DECIMAL", "FLOAT", "DOUBLE")) or kind.endswith(("INT", "INTEGER")):
        return "number"
    return "moment" if kind.startswith(("TIMESTAMP", "DATE")) else kind


def refuse_unknown_columns(expectations: Sequence[Expectation], data: Data) -> None:
    """Raise ConnectorError for columns that the dataset does not have."""
    refuse_unknown(data.columns, [name for one in expectations for name in _columns_of(one)])


def refuse_unknown(columns: Mapping[str, str], named: Sequence[str], where: str = "") -> None:
    """Raise ConnectorError for names that are no column's."""
    lowered = {column.lower(): column for column in columns}
    unknown = [name for name in named if name.lower() not in lowered]
    if not unknown:
        return
    near = [lowered[match] for name in unknown for match in get_close_matches(name.lower(), lowered, n=2)]
    help = f"{'did you mean' if near else 'there are'} {listing(dict.fromkeys(near or [*columns][:12]))}"
    raise ConnectorError("data", f"there is no column {listing(dict.fromkeys(unknown))}{where}", help)


def _columns_of(expectation: Expectation) -> list[str]:
    rules = (expectation.accepted_values, expectation.between, expectation.freshness, expectation.relationship)
    named = _names(expectation.not_null) + _names(expectation.unique)
    return named + [rule.column for rule in rules if rule is not None]


def _names(columns: str | list[str] | None) -> list[str]:
    return [] if columns is None else [columns] if isinstance(columns, str) else columns


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
