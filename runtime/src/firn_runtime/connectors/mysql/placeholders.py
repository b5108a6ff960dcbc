"""Placeholders in MySQL's SQL: found between its texts, names and comments, and bound, never pasted."""

import json
import re
from typing import Any

from firn_runtime.errors import ConnectorError
from firn_schemas.placeholders import tokens

Value = str | int | float | bool | None


def marked(sql: str, params: list[Any] | dict[str, Any] | None) -> tuple[str, list[Value]]:
    """Return the query with `?` alone and without the semicolon at its end, and the values in the order of these.

    A list is for `?`, or for `$1`, `$2`, …; a mapping is for `$name`.
    """
    named = params if isinstance(params, dict) else {str(at): value for at, value in enumerate(params or (), 1)}
    given = iter(named.values()) if not isinstance(params, dict) else iter(())
    values: list[Value] = []

    def place(found: re.Match[str]) -> str:
        if found["mark"]:
            values.append(_value(_next(given)))
        elif found["place"]:
            values.append(_value(_named(found["place"], named)))
        else:
            return "" if found["end"] else found[0]
        return "?"

    text = tokens("mysql").sub(place, sql)
    unused = len(values) < len(named) if not isinstance(params, dict) else False
    if unused:
        said = f"the query has {len(values)} placeholders, and `params` {len(named)} values"
        raise ConnectorError("data", said)
    return text, values


def _next(given: Any) -> Any:
    try:
        return next(given)
    except StopIteration:
        raise ConnectorError("data", "the query has more placeholders than `params` has values") from None


def _named(name: str, named: dict[str, Any]) -> Any:
    if name not in named:
        raise ConnectorError("data", f"the query's placeholder `${name}` has no value", "give it one in `params`")
    return named[name]


def _value(value: Any) -> Value:
    return json.dumps(value) if isinstance(value, (list, dict)) else value
