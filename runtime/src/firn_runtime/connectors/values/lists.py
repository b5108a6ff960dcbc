"""Lists and records of the engine in SQL: the types within each other, and what is made of every value."""

import re

from firn_runtime.errors import ConnectorError

_LISTS = re.compile(r"(.*?)((?:\[\d*\])+)\Z")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_NAMELESS = re.compile(r"\bSTRUCT\(\w+(?:[,()\[]|\s+WITH\b)")
"""A type where the name of a record's first value stands. What is in quotes is a word."""


def elements(kind: str) -> tuple[str, int]:
    """Return the type of the values of a list and how many lists are within each other: none for what is no list."""
    found = _LISTS.match(kind)
    return (found[1], found[2].count("[")) if found else (kind, 0)


def each(lists: str, depth: int, value: str) -> str:
    """Return SQL that makes `value` of every `x` in lists; these may be NULL."""
    for _ in range(depth - 1):
        value = f"list_transform(x, lambda x: {value})"
    return f"list_transform({lists}, lambda x: {value})"


def of_length(lists: str, kind: str, error: str) -> str:
    """Return lists as the arrays that `kind` has for them, if it has: these hold as many values as it says."""
    length = kind.rpartition("[")[2].rstrip("]")
    if length:
        lists = f"if(len({lists}) <> {length}, {error}, {lists})"
    return f"CAST({lists} AS {kind})" if re.search(r"\[\d", kind) else lists


def refuse_nameless(column: str, kind: str) -> None:
    """Raise ConnectorError for a record whose values have no names: all would be written under the same, and lost."""
    if _NAMELESS.search(_QUOTED.sub("x", kind)):
        said = f"`{column}` is {kind}, a record without names, of which one value would be left"
        raise ConnectorError("data", said, "name the values in a `sql` step before, such as `{'id': id, 'name': name}`")
