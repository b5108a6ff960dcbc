"""What a text holds besides itself: decoded, unescaped, out of a template, put together. Views are only looked at."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import normalize

import orjson

from firn_compiler.scan.chance import decoded, plain
from firn_compiler.scan.found import Text

MAX_DEPTH = 3
"""How often what was decoded is decoded again."""

_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{8,}(?:[ \t]*\r?\n[ \t]*[0-9A-Za-z+/_-]{8,})*={0,2}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){10,}|(?:[0-9A-F]{2}){10,}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\$\{[^{}]*\}")
_DEFAULT = re.compile(r"\{\{\s*([\w.-]+)\s*:([^{}]*)\}\}|\$\{([\w.]+):?[-=]([^{}]*)\}")
_ARGUMENT = re.compile(r"\(\s*['\"](\w{2,100})['\"]\s*,\s*['\"]([^'\"\n]{3,200})['\"]\s*\)")
"""A name and a default, as functions of templates take them: `env_var('DB_PASSWORD', '…')`."""
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9A-Fa-f]+|[a-z]+);")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_PIECES = re.compile(r"['\"]\s*(?:\|\||\+)\s*['\"]")
_CONTINUED = re.compile(r"\\\r?\n\s*")
_NOT_SHOWN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_SIGNS = ("%", "\\", "{{", "${", '"', "'", "&")
_LONG = re.compile(r"[0-9A-Za-z+/_-]{16}")
"""What a text holds, at least, that can be read another way; or what is not ASCII."""

_PUBLIC = frozenset("n e x y kid x5c x5t".split())
"""Members of a JSON web key that anyone may see (RFC 7517, RFC 7518)."""


class View(NamedTuple):
    """A text within a text, and the stretch of the outermost that it came from, in characters."""

    text: Text
    start: int
    end: int


def views(text: Text) -> Iterator[View]:
    """Yield what `text` holds, and what that holds in turn."""
    for view in _one_deep(text):
        yield view
        yield from (View(inner, view.start, view.end) for inner in _deeper(view.text, 1))


def _deeper(text: Text, depth: int) -> Iterator[Text]:
    if depth < MAX_DEPTH:
        for view in _one_deep(text):
            yield view.text
            yield from _deeper(view.text, depth + 1)


def _one_deep(text: Text) -> Iterator[View]:
    whole = text.text
    if not (any(sign in whole for sign in _SIGNS) or _LONG.search(whole) or not whole.isascii()):
        return
    for changed in _changed(text):
        if changed.text != whole:
            yield View(changed, 0, len(whole))
    for match in _DEFAULT.finditer(whole):
        default = match[2] if match[1] else match[4]
        for key in ((match[1] or match[3]).rpartition(".")[2], text.key):
            yield View(Text(default, key, text.above), *match.span())
    for match in _ARGUMENT.finditer(whole):
        for key in (match[1], text.key):
            yield View(Text(match[2], key, text.above), *match.span())
    yield from _encoded(text)


def _changed(text: Text) -> Iterator[Text]:
    """Yield the whole text read another way."""
    whole = text.text
    if _PERCENT.search(whole) and (plain := _unquoted(whole)):
        yield text._replace(text=plain)
    if _ESCAPE.search(whole):
        yield text._replace(text=_ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), whole))
    if _TEMPLATE.search(whole):
        yield text._replace(text=_TEMPLATE.sub("{}", whole))
        yield text._replace(text=_DEFAULT.sub(lambda match: (match[2] or match[4] or "").strip(), whole))
    if "&" in whole and _ENTITY.search(whole):
        from html import unescape

        yield text._replace(text=unescape(whole))
    if _PIECES.search(whole):
        yield text._replace(text=_PIECES.sub("", whole))
    if _CONTINUED.search(whole):
        yield text._replace(text=_CONTINUED.sub(" ", whole))
    if not whole.isascii():
        yield text._replace(text=normalize("NFKC", _NOT_SHOWN.sub("", whole)))
    if whole.lstrip()[:1] in ("{", "["):
        yield from _json(text)


def _unquoted(text: str) -> str:
    """Return what percent-encoding holds; empty where it holds no text."""
    from urllib.parse import unquote

    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return ""


def _json(text: Text) -> Iterator[Text]:
    try:
        stack: list[tuple[str, object]] = [(text.key, orjson.loads(text.text))]
    except ValueError:
        return
    while stack:
        key, one = stack.pop()
        if isinstance(one, dict):
            stack += (item for item in one.items() if "kty" not in one or item[0] not in _PUBLIC)
            yield from (Text(name) for name in one)
        elif isinstance(one, list):
            stack += ((key, item) for item in one)
        elif isinstance(one, str):
            yield Text(one, key, text.above)


def _encoded(text: Text) -> Iterator[View]:
    for match in _BASE64.finditer(text.text):
        one_case = match[0].islower() or match[0].isupper()  # what texts become has both
        if len(match[0]) >= 16 and not one_case and (inside := plain(decoded(match[0]) or b"")):
            yield View(text._replace(text=inside), *match.span())
    for match in _HEX.finditer(text.text):
        if inside := plain(bytes.fromhex(match[0])):
            yield View(text._replace(text=inside), *match.span())
