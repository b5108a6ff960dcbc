"""From JSON values to records: closed keys, exact types, every problem with its path.

The artifact may come from anywhere, so the runtime decodes it as untrusted input. Values are never quoted: a wrong one
may be a secret that was put in the wrong place.
"""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, cast

from firn_schemas.secret import Secret
from firn_schemas.visible import listing

T = TypeVar("T")


class DecodeError(ValueError):
    """A value that does not fit its record; `problems` holds every one as (path, sentence)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {text}" if path else text for path, text in problems))
        self.problems = problems


def decode(record: type[T], value: object, path: str = "", *, from_text: bool = False) -> T:
    """Build a `record` from `value`; raise DecodeError with all problems.

    With `from_text`, text stands for the number or boolean it spells: so arrive the values of environment variables.
    """
    problems: list[tuple[str, str]] = []
    built = _decode(record, value, path, problems, from_text)
    if problems:
        raise DecodeError(problems)
    return cast(T, built)


def hints(record: Any) -> Mapping[str, Any]:
    """Return the resolved type of each of the record's fields, in order."""
    return _hints(record)


def spelling(field: "Field[Any]") -> str:
    """Return the key by which documents spell the field: its name, less the underscore that evades a keyword."""
    return field.name.removesuffix("_")


@cache
def keys(record: Any) -> tuple[str, ...]:
    """Return the keys by which documents spell the record's fields, in order."""
    return tuple(spelling(field) for field in fields(record))


@cache
def words(record: Any) -> frozenset[str]:
    """Return the record's keys and their aliases."""
    return frozenset(keys(record)).union(*(field.metadata.get("aliases", ()) for field in fields(record)))


@cache
def endpoints(record: Any) -> tuple[str, ...]:
    """Return the keys that say where, as whom or on what proof a connection is made: all that are marked as such.

    What takes a secret, or credentials, says as whom.
    """
    kinds = hints(record)
    return tuple(spelling(one) for one in fields(record) if one.metadata["endpoint"] or _as_whom(kinds[one.name]))


def _as_whom(kind: Any) -> bool:
    inside: tuple[Any, ...] = (kind, *typing.get_args(kind))
    records: list[Any] = [one for one in inside if is_dataclass(one)]
    return Secret in inside or any(map(endpoints, records))


def tag(record: Any) -> tuple[str, str] | None:
    """Return the field that tells a record from others, and its one word: a literal of a single word; or None."""
    return _tag(record)


@cache
def _tag(record: Any) -> tuple[str, str] | None:
    for name, kind in hints(record).items() if is_dataclass(record) else ():
        words = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
        if len(words) == 1:
            return name, words[0]
    return None


@cache
def _hints(record: type) -> Mapping[str, Any]:
    return typing.get_type_hints(record)


@cache
def _fields(record: type) -> Mapping[str, "Field[Any]"]:
    return {spelling(field): field for field in fields(cast(Any, record))}


def _decode(kind: Any, value: Any, path: str, problems: list[tuple[str, str]], from_text: bool) -> Any:
    if kind is Any:
        return value
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _decode_union(typing.get_args(kind), value, path, problems, from_text)
    if origin is Literal:
        if value in typing.get_args(kind) and type(value) is str:
            return value
        words = listing(typing.get_args(kind))
        problems.append((path, f"must be one of {words}"))
        return None
    if origin is dict and isinstance(value, dict):
        inner = typing.get_args(kind)[1]
        return {key: _decode(inner, item, _join(path, key), problems, from_text) for key, item in value.items()}
    if origin is list and isinstance(value, list):
        (inner,) = typing.get_args(kind)
        return [_decode(inner, item, f"{path}[{i}]", problems, from_text) for i, item in enumerate(value)]
    if is_dataclass(kind) and isinstance(value, dict):
        return _decode_record(cast(type, kind), value, path, problems, from_text)
    if isinstance(kind, type) and type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return value
    if from_text and type(value) is str and kind in _FROM_TEXT:
        parsed = _FROM_TEXT[kind](value)
        if parsed is not None:
            return parsed
    problems.append((path, f"must be {describe(kind)}, not {describe(type(value))}"))
    return None


def _decode_union(
    kinds: tuple[Any, ...], value: Any, path: str, problems: list[tuple[str, str]], from_text: bool
) -> Any:
    """Take the first alternative that fits; a record chosen by its `type` field reports its own problems."""
    attempts: list[list[tuple[str, str]]] = []
    for kind in kinds:
        found: list[tuple[str, str]] = []
        built = _decode(kind, value, path, found, from_text)
        if not found:
            return built
        attempts.append(found)
    tagged = [found for kind, found in zip(kinds, attempts, strict=True) if _tag_fits(kind, value)]
    if len(tagged) == 1:
        problems.extend(tagged[0])
    elif tags := [one for kind in kinds if (one := tag(kind))]:
        problems.append((_join(path, tags[0][0]), "must be one of " + listing(word for _, word in tags)))
    else:
        words = " or ".join(describe(kind) for kind in kinds if kind is not types.NoneType)
        problems.append((path, f"must be {words}, not {describe(type(value))}"))
    return None


def _tag_fits(kind: Any, value: Any) -> bool:
    if not isinstance(value, dict) or not is_dataclass(kind):
        return False
    found = tag(kind)
    return found is None or value.get(found[0]) == found[1]


def _decode_record(
    record: type, value: Mapping[str, Any], path: str, problems: list[tuple[str, str]], from_text: bool
) -> Any:
    known, kinds = _fields(record), _hints(record)
    before = len(problems)
    for key in value:
        if key not in known:
            problems.append((_join(path, str(key)), "is not a known key"))
    arguments: dict[str, Any] = {}
    for key, field in known.items():
        if key in value:
            built = _decode(kinds[field.name], value[key], _join(path, key), problems, from_text)
            problems.extend(_out_of_bounds(field, built, _join(path, key)))
            arguments[field.name] = built
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append((_join(path, key), "is missing"))
    return record(**arguments) if len(problems) == before else None


def _out_of_bounds(field: "Field[Any]", value: Any, path: str) -> Iterator[tuple[str, str]]:
    if type(value) not in (int, float):
        return
    low, high = field.metadata.get("minimum"), field.metadata.get("maximum")
    if low is not None and value < low:
        yield path, f"must be at least {low}"
    if high is not None and value > high:
        yield path, f"must be at most {high}"


def _integer(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 20 else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number - number == 0 else None


_FROM_TEXT: Mapping[Any, Any] = {int: _integer, float: _number, bool: {"true": True, "false": False}.get}

_DESCRIPTIONS: Mapping[Any, str] = {
    bool: "true or false",
    dict: "a mapping",
    float: "a number",
    int: "an integer",
    list: "a list",
    str: "text",
    types.NoneType: "null",
}


def describe(kind: Any) -> str:
    """Name a type in the words of the messages."""
    origin = typing.get_origin(kind)
    if origin is Literal:
        return "one of " + listing(typing.get_args(kind))
    if is_dataclass(kind):
        return "a mapping"
    return _DESCRIPTIONS.get(origin or kind, "a value")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
