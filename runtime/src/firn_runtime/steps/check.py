"""The `check` step: says everything that a dataset is not, without quoting a value of it."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from firn_runtime.engine import Relation, Session, select
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier
from firn_runtime.step import StepContext, StepResult
from firn_schemas.base import record
from firn_schemas.steps.data import AcceptedValues, Between, CheckInputs, Expectation, RowCount

Verdict = Callable[[Any], str]
"""Takes the measured number; returns what is wrong, or nothing."""


@record
class Measure:
    """One number about a dataset, an aggregate over its rows, and how to judge it."""

    aggregate: str
    params: tuple[Any, ...] = ()
    verdict: Verdict


def check(inputs: CheckInputs, context: StepContext) -> StepResult:
    """Try every expectation; broken ones are one error, or with severity `warn` one warning each."""
    columns = list(context.session.columns(inputs.from_))
    _refuse_unknown_columns(inputs.expectations, columns)
    broken = _broken(inputs, context.session)
    failed = sum(1 for found in broken if found)
    sentences = tuple(sentence for found in broken for sentence in found)
    if failed and inputs.severity == "fail":
        raise ConnectorError("data", f"`{inputs.from_}` is not as expected: " + "; ".join(sentences))
    return StepResult(results={"passed": len(broken) - failed, "failed": failed}, warnings=sentences)


def _broken(inputs: CheckInputs, session: Session) -> list[list[str]]:
    """Return the sentences of each expectation: one scan answers all aggregates, one query each the others."""
    measures = [_measures(expectation) for expectation in inputs.expectations]
    numbers = iter(_scan(session, inputs.from_, [one for group in measures for one in group]))
    found = [[measure.verdict(next(numbers)) for measure in group] for group in measures]
    for sentences, expectation in zip(found, inputs.expectations, strict=True):
        if expectation.unique is not None:
            sentences.append(_repeats(session, inputs.from_, _names(expectation.unique)))
        if expectation.sql is not None:
            sentences.append(_rule_of_sql(session, expectation.sql))
    return [[sentence for sentence in sentences if sentence] for sentences in found]


def _scan(session: Session, dataset: str, measures: list[Measure]) -> tuple[Any, ...]:
    if not measures:
        return ()
    aggregates = ", ".join(measure.aggregate for measure in measures)
    params = [value for measure in measures for value in measure.params]
    return session.execute(f"select {aggregates} from {identifier(dataset)}", params)[0]


def _measures(expectation: Expectation) -> list[Measure]:
    if expectation.row_count is not None:
        return [_row_count(expectation.row_count)]
    if expectation.not_null is not None:
        return [_not_null(column) for column in _names(expectation.not_null)]
    if expectation.accepted_values is not None:
        return [_accepted(expectation.accepted_values)]
    if expectation.between is not None:
        return [_between(expectation.between)]
    return []


def _row_count(rule: RowCount | int) -> Measure:
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

    return Measure(aggregate="count(*)", verdict=verdict)


def _not_null(column: str) -> Measure:
    return Measure(
        aggregate=f"count(*) - count({identifier(column)})",
        verdict=lambda nulls: f"`{column}` has {nulls} NULL{'' if nulls == 1 else 's'}" if nulls else "",
    )


def _accepted(rule: AcceptedValues) -> Measure:
    name = identifier(rule.column)
    marks = ", ".join("?" for _ in rule.values)
    return Measure(
        aggregate=f"count_if({name} not in ({marks}))" if marks else f"count({name})",
        params=tuple(rule.values),
        verdict=lambda rows: f"`{rule.column}` holds {_rows(rows)} outside the accepted values" if rows else "",
    )


def _between(rule: Between) -> Measure:
    name = identifier(rule.column)
    bounds = [(word, bound) for word, bound in (("<", rule.min), (">", rule.max)) if bound is not None]
    outside = " or ".join(f"{name} {word} ?" for word, _ in bounds) or "false"
    return Measure(
        aggregate=f"count_if({outside})",
        params=tuple(bound for _, bound in bounds),
        verdict=lambda rows: f"`{rule.column}` holds {_rows(rows)} outside its range" if rows else "",
    )


def _repeats(session: Session, dataset: str, columns: list[str]) -> str:
    """NULLs are compared as values: two rows without a key are a repetition."""
    names = ", ".join(identifier(column) for column in columns)
    sql = f"select count(*) from (select 1 from {identifier(dataset)} group by {names} having count(*) > 1)"
    repeated = session.execute(sql)[0][0]
    if not repeated:
        return ""
    what = "`" + "`, `".join(columns) + "`"
    words = "1 value occurs" if repeated == 1 else f"{repeated} values occur"
    return f"{what} {'repeat' if len(columns) > 1 else 'repeats'}: {words} more than once"


def _rule_of_sql(session: Session, sql: str) -> str:
    """One row of one boolean column is the answer; any other result is the rows that break the rule."""
    source = select(sql)
    if list(session.described(Relation(source)).values()) == ["BOOLEAN"]:
        rows = session.execute(f"select * from {source} limit 2")
        if len(rows) == 1:
            return "" if rows[0][0] else "the rule of `sql` does not hold"
    count = session.execute(f"select count(*) from {source}")[0][0]
    return f"{_rows(count)} {'breaks' if count == 1 else 'break'} the rule of `sql`" if count else ""


def _refuse_unknown_columns(expectations: list[Expectation], columns: list[str]) -> None:
    lowered = {column.lower(): column for column in columns}
    unknown = [name for one in expectations for name in _columns_of(one) if name.lower() not in lowered]
    if not unknown:
        return
    near = [lowered[match] for name in unknown for match in get_close_matches(name.lower(), lowered, n=2)]
    named = ", ".join(f"`{name}`" for name in dict.fromkeys(unknown))
    listed = ", ".join(f"`{column}`" for column in dict.fromkeys(near or columns[:12]))
    raise ConnectorError("data", f"there is no column {named}", f"{'did you mean' if near else 'there are'} {listed}")


def _columns_of(expectation: Expectation) -> list[str]:
    named = _names(expectation.not_null) + _names(expectation.unique)
    return named + [rule.column for rule in (expectation.accepted_values, expectation.between) if rule is not None]


def _names(columns: str | list[str] | None) -> list[str]:
    return [] if columns is None else [columns] if isinstance(columns, str) else columns


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
