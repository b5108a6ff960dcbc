"""The table of encodings: how a secret may be spelled where escapes (see `views`) and separators do not explain it.

Each is local: a run of the secret gives a run of the form, wherever it stands inside a longer encoded text.
"""

import base64
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

_PLAIN_RUN = 10
_SHORT, _SHORT_RUN = 16, 8
"""Characters of a value that are taken for it; fewer of a short one."""

WEAK_RUN = 20
"""The same where these are words or a number: fewer are words and times that every text may hold."""

_ENCODED_RUN = 8
"""Bytes of a value whose encoding is taken for it: fewer than plain ones, as no ordinary text is encoded so."""

_LARGE = 1024
"""Characters from which a value is looked for only by longer runs and in the usual encodings, to bound memory."""

_LARGER = 3


class Spelling(NamedTuple):
    """A form, how many of its characters make a run, and how many of its last ones depend on what follows."""

    text: str
    run: int
    loose: int = 0
    symbolic: bool = False
    """Whether symbols carry as much as letters and digits."""


class _Carrier(NamedTuple):
    """An encoding of bytes: `density` characters for each byte."""

    density: float
    spell: Callable[[bytes], Iterator[tuple[str, int]]]
    symbolic: bool = False


def _base64(content: bytes) -> Iterator[tuple[str, int]]:
    """Yield the encoding at the three alignments that it can have in a longer text, without what depends on others."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + content).decode().rstrip("=")
        yield text[-(-before * 8 // 6) :], int((before + len(content)) * 8 % 6 > 0)


def _uuencoded(content: bytes) -> Iterator[tuple[str, int]]:
    for text, loose in _base64(content):
        yield text.translate(_UU), loose


def _base32(content: bytes) -> Iterator[tuple[str, int]]:
    for before in range(5):
        text = base64.b32encode(bytes(before) + content).decode().rstrip("=")
        yield text[-(-before * 8 // 5) :], int((before + len(content)) * 8 % 5 > 0)


def _in_fours(encode: Callable[[bytes], bytes]) -> Callable[[bytes], Iterator[tuple[str, int]]]:
    """Spell in an encoding that turns four bytes into five characters: only whole groups do not depend on others."""

    def spell(content: bytes) -> Iterator[tuple[str, int]]:
        for skipped in range(4):
            whole = content[skipped:]
            yield encode(whole).decode(), len(whole) % 4 and len(whole) % 4 + 1

    return spell


def _numbers(form: str) -> Callable[[bytes], Iterator[tuple[str, int]]]:
    def spell(content: bytes) -> Iterator[tuple[str, int]]:
        yield " ".join(format(byte, form) for byte in content), 0

    return spell


_HEX = _Carrier(2, _numbers("02x"))
_BASE64 = _Carrier(4 / 3, _base64)
_USUAL = (_HEX, _BASE64)
_CARRIERS = (
    *_USUAL,
    _Carrier(8 / 5, _base32),
    _Carrier(5 / 4, _in_fours(base64.b85encode), symbolic=True),
    _Carrier(5 / 4, _in_fours(base64.a85encode), symbolic=True),
    _Carrier(4 / 3, _uuencoded, symbolic=True),
    _Carrier(2.5, _numbers("d")),
    _Carrier(3, _numbers("03o")),
)

_UU = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "`" + "".join(map(chr, range(33, 96)))
)
_A, _N = "abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm"
_ROT13 = str.maketrans(_A + _A.upper(), _N + _N.upper())
_WORD = re.compile(r"[A-Za-z][a-z]{3,}|[A-Z]{4,}")
_URL_SAFE = str.maketrans("+/", "-_")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def _as_json(value: str) -> str:
    return (
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )


def _ascii_json(value: str) -> str:
    return _as_json(value).encode("ascii", "backslashreplace").decode()


def _percent(value: str, safe: bytes = b"-_.~") -> str:
    octets = value.encode()
    return "".join(chr(one) if (one < 128 and chr(one).isalnum()) or one in safe else f"%{one:02X}" for one in octets)


def _quoted_printable(value: str, first: int = 32) -> str:
    return "".join(chr(one) if first <= one < 127 and one != 61 else f"={one:02X}" for one in value.encode())


def _plain(value: str) -> Iterator[str]:
    yield value
    yield value.encode().decode("latin-1")  # bytes that were escaped one by one
    yield value[::-1]
    yield value.translate(_ROT13)
    yield _quoted_printable(value)
    yield _quoted_printable(value, 33)


def _escaped(value: str) -> Iterator[str]:
    """Yield what an encoding of bytes may hold in place of the value; mostly the same where it has no symbols."""
    yield value
    yield _as_json(value)
    yield _ascii_json(value)
    yield _as_json(_as_json(value))
    yield _percent(value)
    yield _percent(value, b"-_.~/")
    yield _percent(value).lower()
    yield value.translate(_HTML)


def _encoded(value: str, carriers: tuple[_Carrier, ...], longer: int = 1) -> Iterator[Spelling]:
    for inner in dict.fromkeys(_escaped(value)):
        for carrier in carriers:
            yield from _carried(inner.encode(), carrier, longer)
    for carrier in _USUAL:
        yield from _carried(value.encode("utf-16-le")[:-1], carrier, longer * 2)
        for form in _carried(value.encode(), carrier, longer):
            yield form._replace(text=_solid(form)[::-1], loose=0)


def _carried(content: bytes, carrier: _Carrier, longer: float) -> Iterator[Spelling]:
    run = int(_ENCODED_RUN * carrier.density * longer)
    for text, loose in carrier.spell(content):
        yield Spelling(text, run, loose, carrier.symbolic)


def _solid(form: Spelling) -> str:
    return form.text[: len(form.text) - form.loose]


def _twice(value: str, longer: int) -> Iterator[Spelling]:
    for first in _USUAL:
        for form in _carried(value.encode(), first, 1):
            solid = _solid(form).replace(" ", "")
            for inner in dict.fromkeys([solid, solid.upper() if first is _HEX else solid.translate(_URL_SAFE)]):
                for second in _USUAL:
                    yield from _carried(inner.encode(), second, longer * first.density)


def plain(value: str) -> Iterator[Spelling]:
    """Yield the spellings that keep each character one character."""
    run = _SHORT_RUN if len(value) <= _SHORT else _PLAIN_RUN if len(value) <= _LARGE else _PLAIN_RUN * _LARGER
    for text in _plain(value):
        yield Spelling(text, max(run, WEAK_RUN) if _of_words(value) else run)


def encoded(value: str, *, usual: bool = False) -> Iterator[Spelling]:
    """Yield the encodings of the value and the encodings of these; only the usual ones where it is large, or asked."""
    longer = 2 if _of_words(value) else 1
    if len(value) > _LARGE:
        return _encoded(value, _USUAL, longer * _LARGER)
    return (
        _encoded(value, _USUAL, longer) if usual else chain(_encoded(value, _CARRIERS, longer), _twice(value, longer))
    )


def _of_words(value: str) -> bool:
    """Return whether the value is mostly words: then a part of it is one, which stands in other texts as well."""
    return 3 * sum(map(len, _WORD.findall(value))) >= 2 * sum(map(str.isalnum, value))
