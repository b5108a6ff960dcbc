"""One value, one spelling: the canonical form that is hashed and the file form that is written.

The canonical form is RFC 8785 (JSON Canonicalization Scheme). Sorted orjson output equals it for nearly every value at
a fraction of the cost; the few values where the two differ are found by one walk and spelled here.
"""

import hashlib
from collections.abc import Iterable

import orjson

from firn_schemas.base import Json, JsonObject
from firn_schemas.visible import is_unicode

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259 section 6, RFC 8785 appendix B)."""

MAX_DEPTH = 100
"""How deep containers may stand inside each other."""


class NotCanonical(ValueError):
    """A value outside the domain in which a document has exactly one spelling.

    `path` leads to it (mapping keys and list indexes); `reason` says what is wrong and never quotes the value.
    """

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        super().__init__(f"{_pointer(path)}: {reason}")
        self.path = path
        self.reason = reason


def canonical_bytes(value: Json) -> bytes:
    """Return the RFC 8785 form of `value`; raise NotCanonical where it has none or more than one."""
    if survey(value):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return _spell(value).encode()


def digest(value: Json) -> str:
    """Return `sha256:` and the hexadecimal SHA-256 of the canonical form of `value`."""
    return bytes_digest(canonical_bytes(value))


def bytes_digest(content: bytes) -> str:
    """Return `sha256:` and the hexadecimal SHA-256 of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def file_bytes(document: JsonObject) -> bytes:
    """Return the one spelling of `document` as a file: sorted keys, two-space indent, one final newline."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def line_ends_changed(found: bytes, spelled: bytes) -> bool:
    """Return whether a file differs from its one spelling by nothing but the line ends of Windows."""
    return found.replace(b"\r\n", b"\n") == spelled


LINE_ENDS = (
    "only its line ends were changed, as git does where `core.autocrlf` is set: write `compiled_artifacts*.json -text` "
    "into `.gitattributes`, delete the file and check it out again"
)
"""What to do then: to compile again would change nothing that git commits."""


def survey(value: Json) -> bool:
    """Return whether sorted orjson output is already the canonical form of `value`.

    Raises NotCanonical for what no canonical document may hold: integers beyond ±(2^53−1), numbers that are not
    finite, floats that are whole numbers (they would share their spelling with an integer), lone surrogates, and
    containers nested deeper than MAX_DEPTH.
    """
    try:
        return _survey(value, 0)
    except _Refused as refused:
        raise NotCanonical(tuple(reversed(refused.way)), str(refused)) from None


class _Refused(Exception):
    """Stops the walk; `way` leads back from the value, and grows on the way out: most walks need none."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.way: list[str | int] = []


def _survey(value: Json, depth: int) -> bool:
    kind = type(value)
    if kind is str:
        _refuse_surrogates(value)  # type: ignore[arg-type]  # narrowed by the exact type above
        return True
    if value is None or kind is bool:
        return True
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]  # an int by its exact type
            raise _Refused("the integer is outside ±9007199254740991; write it as text")
        return True
    if kind is float:
        return _float_agrees(value)  # type: ignore[arg-type]  # a float
    if depth >= MAX_DEPTH:
        raise _Refused(f"containers are nested deeper than {MAX_DEPTH}")
    if kind is dict:
        return _survey_items(value.items(), depth + 1, keys=True)  # type: ignore[union-attr]  # a dict
    if kind is list:
        return _survey_items(enumerate(value), depth + 1, keys=False)  # type: ignore[arg-type]  # a list
    raise _Refused(f"{kind.__name__} is not a JSON type")


def _survey_items(items: Iterable[tuple[str | int, Json]], depth: int, *, keys: bool) -> bool:
    plain = True
    for key, item in items:
        if keys:
            plain = _key_agrees(key) and plain
        if type(item) is str and item.isascii():
            continue
        try:
            plain = _survey(item, depth) and plain
        except _Refused as refused:
            refused.way.append(key)
            raise
    return plain


def _key_agrees(key: object) -> bool:
    if type(key) is not str:
        raise _Refused("a mapping key is not text")
    if key.isascii():
        return True
    _refuse_surrogates(key)
    return max(key) < "\ue000"


def _refuse_surrogates(text: str) -> None:
    if not is_unicode(text):
        raise _Refused("the text holds half of a surrogate pair")


def _float_agrees(number: float) -> bool:
    if number != number or number in (float("inf"), float("-inf")):
        raise _Refused("the number is not finite")
    if number.is_integer():
        raise _Refused("the number is a whole number written as a float; write it as an integer")
    return abs(number) >= 1e-4  # below, orjson writes 1e-5 where ECMAScript (and so RFC 8785) writes 0.00001


def _spell(value: Json) -> str:
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda entry: entry[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_text(key)}:{_spell(item)}" for key, item in ordered) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_spell, value)) + "]"
    if isinstance(value, float):
        return _ecmascript(value)
    return orjson.dumps(value).decode()


def _text(text: str) -> str:
    return orjson.dumps(text).decode()


def _ecmascript(number: float) -> str:
    """Spell a finite float that is not a whole number as ECMAScript's Number::toString does."""
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent:
        return mantissa
    power = int(exponent)
    if power < -6:
        return f"{mantissa}e{power}"
    sign = "-" if number < 0 else ""
    return f"{sign}0.{'0' * (-power - 1)}{mantissa.lstrip('-').replace('.', '')}"


def _pointer(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "document"
