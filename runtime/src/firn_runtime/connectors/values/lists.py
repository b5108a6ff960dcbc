"""Lists of the engine in SQL: the types within each other, and what is made of every value."""

import re

_LISTS = re.compile(r"(.*?)((?:\[\d*\])+)\Z")


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
