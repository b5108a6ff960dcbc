"""Places in a JSON answer, by a subset of JSONPath (RFC 9535): keys, indexes, and `[*]` over lists and objects.

What is not asked for is passed over and not built. The only module, with `types`, that imports msgspec.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec

from firn_runtime.errors import ConnectorError

EVERY: Final = None
"""The part `[*]`."""
Part = str | int | None
Path = tuple[Part, ...]

_STEP = re.compile(
    r"""\[(?P<index>-?\d{1,9})\] | (?P<every>\[\*\]) | \['(?P<single>[^'\\]*)'\] | \["(?P<double>[^"\\]*)"\]
    | (?P<dot>\.)? (?P<key>[^.\[\]'"*\s$@]+)""",
    re.VERBOSE,
)
_HELP = "such as `data.items`, `$.data.items[*]`, `lists[0]`, `['a key']` or `['@odata.nextLink']`"

_ANY = msgspec.json.Decoder(msgspec.Raw)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_MANY = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw] | None)


class Missing(Exception):
    """There is nothing at a path."""


class NotJson(Exception):
    """The text is not JSON."""


@cache
def parsed(text: str | None) -> Path:
    """Return the parts of a path; raise ConnectorError where it is none."""
    parts: list[Part] = []
    rest = (text or "").strip().removeprefix("$")
    while rest:
        found = _STEP.match(rest)
        if found is None or (found["key"] and parts and not found["dot"]):
            raise ConnectorError("data", f"`{text}` is not a path in an answer", _HELP)
        parts.append(_part(found))
        rest = rest[found.end() :]
    return tuple(parts)


def _part(found: re.Match[str]) -> Part:
    if found["every"]:
        return EVERY
    if found["index"]:
        return int(found["index"])
    return next(key for key in (found["key"], found["single"], found["double"]) if key is not None)


def records_at(answer: Any, path: Path) -> list[msgspec.Raw]:
    """Return what the lists at a path hold, and the objects that `[*]` leads to, each as it is spelled.

    Null is an empty list. Raise Missing or NotJson.
    """
    try:
        return [one for found in _found(answer, path) for one in _records(found, path)]
    except (KeyError, IndexError, msgspec.ValidationError):
        refuse_unless_json(answer)
        raise Missing from None
    except (msgspec.DecodeError, RecursionError):
        raise NotJson from None


def refuse_unless_json(answer: bytes) -> None:
    """Raise NotJson."""
    try:
        _ANY.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        raise NotJson from None


def value_at(answer: Any, path: Path) -> Any:
    """Return the value at a path, or the first of them; None where there is nothing."""
    try:
        return msgspec.json.decode(next(iter(_found(answer, path))))
    except (KeyError, IndexError, StopIteration, msgspec.DecodeError):
        return None


def compacted(values: list[msgspec.Raw]) -> bytes:
    """Return values each on a line of its own."""
    lines = b"\n".join([*values, b""])
    if lines.count(b"\n") == len(values) and b"\r" not in lines:
        return lines
    return b"".join(msgspec.json.format(bytes(value), indent=-1) + b"\n" for value in values)


def lines_of(answer: bytes) -> list[msgspec.Raw]:
    """Return the values of an answer that has each on a line of its own; raise NotJson."""
    try:
        return _ANY.decode_lines(answer)
    except (msgspec.DecodeError, RecursionError):
        raise NotJson from None


def _records(found: Any, path: Path) -> Iterable[msgspec.Raw]:
    if path[-1:] == (EVERY,):
        return (found,)
    many = _MANY.decode(found)
    if isinstance(many, list):
        return many
    if many is not None and EVERY not in path:
        raise KeyError
    return () if many is None else (found,)


def _found(raw: Any, path: Path) -> list[Any]:
    for number, part in enumerate(path):
        if part is EVERY:
            many = _MANY.decode(raw) or ()
            items = many.values() if isinstance(many, dict) else many
            return [one for item in items for one in _found(item, path[number + 1 :])]
        raw = _OBJECT.decode(raw)[part] if isinstance(part, str) else _LIST.decode(raw)[part]
    return [raw]
