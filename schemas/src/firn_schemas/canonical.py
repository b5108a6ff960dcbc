"""One value, one spelling: the canonical form that is hashed and the file form that is written.

The canonical form is RFC 8785 (JSON Canonicalization Scheme). Sorted orjson output equals it for nearly every value at
a fraction of the cost; the few values where the two differ are found by one walk and spelled here.
"""

import hashlib
import re

import orjson

from firn_schemas.base import Json, JsonObject

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259 section 6, RFC 8785 appendix B)."""

MAX_DEPTH = 100
"""How deep containers may stand inside each other."""

_SURROGATE = re.compile("[\ud800-\udfff]")


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


def survey(value: Json) -> bool:
    """Return whether sorted orjson output is already the canonical form of `value`.

    Raises NotCanonical for what no canonical document may hold: integers beyond ±(2^53−1), numbers that are not
    finite, floats that are whole numbers (they would share their spelling with an integer), lone surrogates, and
    containers nested deeper than MAX_DEPTH.
    """
    return _survey(value, ())


def _survey(value: Json, path: tuple[str | int, ...]) -> bool:
    kind = type(value)
    if kind is str:
        _refuse_surrogates(value, path)  # type: ignore[arg-type]  # narrowed by the exact type above
        return True
    if value is None or kind is bool:
        return True
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]  # an int by its exact type
            raise NotCanonical(path, "the integer is outside ±9007199254740991; write it as text")
        return True
    if kind is float:
        return _float_agrees(value, path)  # type: ignore[arg-type]  # a float
    if len(path) >= MAX_DEPTH:
        raise NotCanonical(path, f"containers are nested deeper than {MAX_DEPTH}")
    plain = True
    if kind is dict:
        for key, item in value.items():  # type: ignore[union-attr]  # a dict
            if type(key) is not str:
                raise NotCanonical(path, "a mapping key is not text")
            if not key.isascii():
                _refuse_surrogates(key, path)
                plain = plain and max(key) < "\ue000"
            plain = _survey(item, (*path, key)) and plain
        return plain
    if kind is list:
        for index, item in enumerate(value):  # type: ignore[arg-type]  # a list
            plain = _survey(item, (*path, index)) and plain
        return plain
    raise NotCanonical(path, f"{kind.__name__} is not a JSON type")


def _refuse_surrogates(text: str, path: tuple[str | int, ...]) -> None:
    if not text.isascii() and _SURROGATE.search(text):
        raise NotCanonical(path, "the text holds half of a surrogate pair")


def _float_agrees(number: float, path: tuple[str | int, ...]) -> bool:
    if number != number or number in (float("inf"), float("-inf")):
        raise NotCanonical(path, "the number is not finite")
    if number.is_integer():
        raise NotCanonical(path, "the number is a whole number written as a float; write it as an integer")
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
