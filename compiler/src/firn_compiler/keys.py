"""A record as people read it: its keys as a table of Markdown, and below it those of the records inside."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin

from firn_schemas.credentials import Credentials
from firn_schemas.decode import hints, spelling, tag
from firn_schemas.secret import Secret
from firn_schemas.visible import listing

WORDS: dict[Any, str] = {str: "text", int: "integer", float: "number", bool: "boolean", Any: "any", Secret: "secret"}
ELSEWHERE: dict[Any, str] = {Credentials | None: "[credentials](../platform/credentials.md)"}
"""Types that have a page of their own."""
BOUNDS = {(True, True): " {} to {}", (True, False): " from {}", (False, True): " to {}"}
MARKS = {
    "local_path": "A relative path is taken from the run's base folder.",
    "place": "Begins with literal text.",
}
OF_THE_PLATFORM = "On an `enterprise` platform not for flows."


def section(title: str, record: type, path: str = "") -> Iterator[str]:
    """Yield the blocks of a record: a heading, what it is, its keys, and the same of the records inside it."""
    word = tag(record)
    yield f"### {path}" + (f", {word[0]}: {word[1]}" if word else "") if path else f"## {title}"
    yield str(record.__doc__)
    yield from [table(record)] if fields(record) else []
    for name, kind in hints(record).items():
        for inner in _inside(kind) if kind not in ELSEWHERE else ():
            yield from section(title, inner, f"{path}.{name}".lstrip("."))


def table(*records: Any) -> str:
    """Return the keys of records that stand side by side."""
    rows = [_row(field, record) for record in records for field in fields(record)]
    return grid(["key", "type", "default", "meaning"], rows)


def grid(head: list[str], rows: list[list[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(field: "Field[Any]", record: Any) -> list[str]:
    given, kind = field.metadata, hints(record)[field.name]
    meaning = [given["description"], *(sentence for mark, sentence in MARKS.items() if given[mark])]
    meaning += [OF_THE_PLATFORM] if given["endpoint"] else []
    meaning += [f"Also `{alias}`." for alias in given["aliases"]]
    meaning += [f"Such as `{_shown(example)}`." for example in given["examples"][:1]]
    limits = BOUNDS.get((given["minimum"] is not None, given["maximum"] is not None), "")
    limits = limits.format(*(given[key] for key in ("minimum", "maximum") if given[key] is not None))
    return [f"`{spelling(field)}`", _type(kind) + limits, _default(field), " ".join(meaning)]


def _default(field: "Field[Any]") -> str:
    if field.default_factory is not MISSING:
        value = field.default_factory()
    elif field.default is not MISSING:
        value = field.default
    else:
        return "required"
    return "" if value in (None, [], {}) else f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)


def _type(kind: Any) -> str:
    origin, inside = get_origin(kind), get_args(kind)
    if kind in ELSEWHERE:
        return ELSEWHERE[kind]
    if origin in (UnionType, Union):
        plain = [one for one in inside if one is not NoneType and not (one is int and float in inside)]
        return " or ".join(dict.fromkeys(map(_type, plain)))
    if origin is Literal:
        return listing(inside)
    if isinstance(kind, NewType):
        return _type(kind.__supertype__)
    if origin in (list, dict):
        return f"{'list' if origin is list else 'mapping'} of {_type(inside[-1])}"
    return WORDS.get(kind, "mapping")


def _inside(kind: Any) -> Iterator[type]:
    """Yield the records in a type."""
    if is_dataclass(kind) and isinstance(kind, type):
        yield kind
    for one in get_args(kind):
        yield from _inside(one)
