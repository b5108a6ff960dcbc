"""What plain scalars mean: the core schema of YAML 1.2, with numbers that JSON can hold."""

import re

from firn_schemas.base import Json
from firn_schemas.canonical import MAX_INTEGER

MAX_KEY = 1024
"""Characters of a key, at most."""
NO_COLON = "this line has no `:` after its key"
NO_SIGN = "=>|:=|[=;]"
"""What stands between keys and values in other languages."""
_MAX_DIGITS = 1000
WORDS: dict[str, Json] = {"": None, "~": None}
WORDS.update(dict.fromkeys(("null", "Null", "NULL")))
WORDS.update(dict.fromkeys(("true", "True", "TRUE"), True))
WORDS.update(dict.fromkeys(("false", "False", "FALSE"), False))
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
MAYBE_NUMBER = frozenset("0123456789+-.")
"""What numbers begin with."""


class NoNumber(ValueError):
    """A number that no file may hold."""

    def __init__(self, message: str, help: str = "quote it to keep it as text") -> None:
        super().__init__(message)
        self.message, self.help = message, help


def number_or_text(text: str) -> Json:
    """Return the number that `text` spells, or `text` itself; raise NoNumber."""
    if _INTEGER.match(text):
        return _bounded(int(text) if len(text) <= _MAX_DIGITS else MAX_INTEGER + 1)
    if _OCTAL.match(text) or _HEXADECIMAL.match(text):
        return _bounded(int(text, 0))
    if _NOT_FINITE.match(text):
        raise NoNumber("NaN and infinity are not allowed", "quote it if it is meant as text")
    if not _FLOAT.match(text):
        return text
    number = float(text)
    if number - number != 0 or (number.is_integer() and abs(number) > MAX_INTEGER):
        raise NoNumber(f"the number is outside ±{MAX_INTEGER}")
    return number


def _bounded(number: int) -> int:
    if abs(number) > MAX_INTEGER:
        raise NoNumber(f"the integer is outside ±{MAX_INTEGER}")
    return number


def out_of_range(text: str) -> bool:
    """Whether `text` spells a number that a file could not hold."""
    return _FLOAT.match(text) is not None and abs(float(text)) > MAX_INTEGER


def plain_value(text: str) -> Json:
    """Return what `text` means as a plain scalar: so are `--var NAME=VALUE` read. What is out of range stays text."""
    if text in WORDS:
        return WORDS[text]
    if out_of_range(text):
        return text
    if _INTEGER.match(text) and len(text) <= 17:
        return int(text)
    return float(text) if _FLOAT.match(text) and "." in text and len(text) <= 16 else text


def colon(key: str, sign: str) -> str:
    """Return help for a key without its colon, behind which this sign stands, or none."""
    return f"write a `:` in place of `{sign}`" if sign else f"write a `:` after `{key}`"
