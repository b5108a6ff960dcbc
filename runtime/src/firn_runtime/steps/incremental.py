"""An incremental read: where it begins, and where the next one will."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from math import floor

from firn_runtime.connector import Bound
from firn_runtime.engine import Relation, Session
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal
from firn_runtime.step import Mark, Window
from firn_schemas.base import Json
from firn_schemas.steps.data import Incremental
from firn_schemas.visible import listing

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_FAMILIES: Mapping[str, str] = {
    **dict.fromkeys([*_INTEGERS, *(f"U{name}" for name in _INTEGERS)], "a number"),
    **dict.fromkeys(["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"], "a timestamp"),
    "DATE": "a date",
    "TIMESTAMP WITH TIME ZONE": "a timestamp with time zone",
    "VARCHAR": "a text",
}
"""What a cursor may be, by the engine's type. No fractions in binary: NaN would come after every other value."""
_SMALLEST: Mapping[str, int] = {
    **dict.fromkeys((f"U{name}" for name in _INTEGERS), 0),
    **{name: -(2 ** (8 * 2**power - 1)) for power, name in enumerate(_INTEGERS)},
}
"""Of each type of whole numbers: no row lies before it, however far `lookback` reaches."""
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def begin(rule: Incremental, window: Window) -> Bound | None:
    """Return where the read begins; None where it reads everything. Raises ConnectorError for a wrong `lookback`."""
    after = window.after
    if after is None:
        return None if rule.initial is None else Bound(rule.cursor, str(rule.initial), None, inclusive=True)
    if rule.lookback is None:
        return Bound(rule.cursor, after.value, after.type, inclusive=False)
    return Bound(rule.cursor, _earlier(after, rule.lookback), after.type, inclusive=True)


def limited(relation: Relation, bound: Bound | None, cursor: str, kind: str, window: Window) -> Relation:
    """Return the rows of the window alone: a connector may have given more. A first read takes in those without cursor.

    `kind` is the type of `cursor`.
    """
    column = identifier(cursor)
    conditions = []
    if bound is not None:
        value = f"CAST({literal(bound.value)} AS {bound.type or kind})"
        conditions.append(f"{column} {'>=' if bound.inclusive else '>'} {value}")
    if window.repeated:
        until = window.until
        within = f"{column} <= CAST({literal(until.value)} AS {until.type})" if until is not None else "false"
        conditions.append(f"({within} OR {column} IS NULL)")
    if not conditions:
        return relation
    within, careful = f"WHERE {' AND '.join(conditions)}", relation.careful
    return relation._replace(
        sql=f"SELECT * FROM ({relation.sql}\n) {within}",
        careful=careful and f"SELECT * FROM ({careful}\n) {within}",
    )


def cursor_of(rule: Incremental, columns: Mapping[str, str], window: Window) -> tuple[str, str]:
    """Return the cursor's column and type; raise ConnectorError where it is not there, or cannot be one."""
    found = next((name for name in columns if name.lower() == rule.cursor.lower()), None)
    if found is None:
        near = get_close_matches(rule.cursor, columns, n=2)
        listed = listing(near or list(columns)[:12])
        help = f"{'did you mean' if near else 'there are'} {listed}"
        raise ConnectorError("data", f"there is no column `{rule.cursor}` to go on by", help)
    kind = columns[found]
    family = _family(kind)
    if family is None:
        help = "it is a whole or decimal number, a date, a timestamp or a text; `schema` or `sql` gives it another type"
        raise ConnectorError("data", f"`{found}` is {kind}, and no cursor can be", help)
    if rule.lookback is not None:
        _refuse_unfit(family, rule.lookback)
    if window.after is not None and _family(window.after.type) != family:
        message = f"the cursor `{found}` was {window.after.type} in the run before and is {kind} now"
        raise ConnectorError(
            "data", message, "give it its type in `schema`, or `firn watermarks --reset` to begin anew"
        )
    return found, kind


def refuse_unfit_initial(session: Session, bound: Bound | None, cursor: str, kind: str) -> None:
    """Raise ConnectorError where a read begins at a value that is none of the cursor's type."""
    if bound is None or bound.type is not None:
        return
    ((fits,),) = session.execute(f"SELECT TRY_CAST({literal(bound.value)} AS {kind}) IS NOT NULL")
    if not fits:
        raise ConnectorError("data", f"the cursor `{cursor}` is {kind}, and `initial` is none")


def reached(session: Session, dataset: str, cursor: str, kind: str, window: Window) -> dict[str, Json]:
    """Return the results of the read: what is greatest in the dataset and what was before, the greater one."""
    after, until = window.after, window.until
    since: dict[str, Json] = {"since": after.value if after is not None else None}
    if window.repeated:
        return since | {"watermark": until.value if until else None, "watermark_type": until.type if until else None}
    column = identifier(cursor)
    top = f"greatest(max({column}), CAST({literal(after.value)} AS {after.type}))" if after else f"max({column})"
    finite = "isfinite(top)" if kind.startswith(("DATE", "TIMESTAMP")) else "true"
    spelled = _SPELLED.get(kind, "CAST(top AS VARCHAR)")
    sql = f"SELECT {spelled}, typeof(top), {finite} FROM (SELECT {top} AS top FROM {identifier(dataset)})"
    ((value, type, is_finite),) = session.execute(sql)
    if is_finite is False:
        help = "leave such rows out with `sql`: no other row would come after them"
        raise ConnectorError("data", f"the cursor `{cursor}` holds infinity", help)
    return since | {"watermark": value, "watermark_type": type if value is not None else None}


_SPELLED = {
    **dict.fromkeys(["TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"], "strftime(top, '%Y-%m-%dT%H:%M:%S.%f')"),
    "TIMESTAMP_NS": "replace(CAST(top AS VARCHAR), ' ', 'T')",
    "TIMESTAMP WITH TIME ZONE": "strftime(top, '%Y-%m-%dT%H:%M:%S.%f+00:00')",
}


def _family(kind: str) -> str | None:
    return "a number" if kind.startswith("DECIMAL") else _FAMILIES.get(kind)


def _earlier(mark: Mark, lookback: int | float | str) -> str:
    """Return the value that lies `lookback` before a watermark, or a little further where it has no such parts."""
    family = _family(mark.type) or ""
    _refuse_unfit(family, lookback)
    try:
        if family == "a number":
            return _number_before(mark, Decimal(str(lookback)))
        if family == "a date":
            return _date_before(date.fromisoformat(mark.value), lookback).isoformat()
        stretch = timedelta(seconds=_seconds(lookback))
        return (datetime.fromisoformat(mark.value) - stretch).isoformat(timespec="microseconds")
    except (OverflowError, ValueError):
        raise ConnectorError("data", "`lookback` reaches back before the first date") from None


_UNFIT = {
    "a number": (str, "write it as a number, in the cursor's own units"),
    "a text": (object, "remove it, or give the cursor its type in `schema`: nothing is subtracted from a text"),
}
"""What cannot be subtracted from a cursor, and what to do."""


def _refuse_unfit(family: str, lookback: int | float | str) -> None:
    """Raise ConnectorError where `lookback` is nothing to subtract: in the first run, not only in those that do it."""
    unfit, help = _UNFIT.get(family, ((), ""))
    if isinstance(lookback, unfit):
        raise ConnectorError("data", f"the cursor is {family}, and `lookback` does not fit it", help)
    if family != "a number":
        _seconds(lookback)


def _date_before(day: date, lookback: int | float | str) -> date:
    stretch = timedelta(seconds=_seconds(lookback)) if isinstance(lookback, str) else timedelta(days=lookback)
    return (datetime.combine(day, datetime.min.time()) - stretch).date()


def _number_before(mark: Mark, lookback: Decimal) -> str:
    value = Decimal(mark.value) - lookback
    if found := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", mark.type):
        digits, scale = int(found[1]), int(found[2])
        return format(max(value, Decimal((1, (9,) * digits, -scale))), "f")
    return str(max(floor(value), _SMALLEST[mark.type]))


def _seconds(lookback: int | float | str) -> float:
    if not isinstance(lookback, str):
        return lookback
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", lookback)
    if found is None:
        help = "write a number in the cursor's own units, or a duration such as `2d`"
        raise ConnectorError("data", "`lookback` is no duration", help)
    return float(found[1]) * _SECONDS[found[2]]
