"""Placeholders in PostgreSQL's SQL: found between its texts, names and comments, and bound, never pasted."""

import json
import re
from collections.abc import Callable
from itertools import count
from typing import Any

from firn_runtime.errors import ConnectorError
from firn_schemas.placeholders import tokens


def replaced(sql: str, place: Callable[[str], str]) -> str:
    """Return the query without the semicolon at its end, each `$x` and `?` replaced by what `place` says of it."""

    def one(found: re.Match[str]) -> str:
        name = found["place"] or found["mark"]
        return place(name) if name else "" if found["end"] else found[0]

    return tokens("postgres").sub(one, sql)


def numbered(sql: str, params: list[Any] | dict[str, Any] | None) -> tuple[str, list[str | None]]:
    """Return the query with `$1`, `$2`, … alone, and its values as texts that the server reads by the places' types.

    A list is for `$1` or, where there is none, for `?`, which is an operator otherwise; a mapping is for `$name`.
    """
    if isinstance(params, dict):
        names = list(params)
        return replaced(sql, lambda name: _named(name, names)), [_text(value) for value in params.values()]
    numbers = count(1)
    marked = bool(params) and not any(found["place"] for found in tokens("postgres").finditer(sql))

    def place(name: str) -> str:
        if name != "?":
            return f"${name}"
        return f"${next(numbers)}" if marked else name

    return replaced(sql, place), [_text(value) for value in params or []]


def _named(name: str, names: list[str]) -> str:
    if name == "?":
        return name
    if name not in names:
        raise ConnectorError("data", f"the query's placeholder `${name}` has no value", "give it one in `params`")
    return f"${names.index(name) + 1}"


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return "{" + ",".join(map(_element, value)) + "}"
    return json.dumps(value)


def _element(value: Any) -> str:
    text = _text(value)
    if text is None or isinstance(value, list):
        return text or "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
