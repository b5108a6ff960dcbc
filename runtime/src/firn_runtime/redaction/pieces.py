"""What in a value is secret: itself, or the password in a DSN, the members of a JSON object, the lines of a file.

The rest of a DSN, its host say, must stay readable in messages: it is looked for only as a part of the whole value.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_SECRET_KEY = re.compile(r"pass|pwd|secret|token|key|credential|auth|signature|^sig$|^code$|salt|cookie|private", re.I)
_PUBLIC_KEY = re.compile(r"(^|[_-])(id|name|user|uri|url|email|host|domain|type|version|certs?|kind)$", re.I)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----(.*?)(?:-----END [A-Z0-9 ]+-----|\Z)", re.S)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:(?P<user>[^/?#]*)@)?(?P<host>[^/?#]*)(?P<rest>.*)", re.S)
_PAIR = re.compile(
    r"""[\s;&]*([A-Za-z_][\w .-]{0,40}?)\s{0,9}=\s{0,9}('(?:[^'\\]|\\.)*+'|"[^"]*+"|\{[^}]*+\}|[^\s;&]++)[\s;]*""", re.S
)
_KEY = re.compile(r"\s*+(?:- )?[\"']?([\w.-]{1,40})[\"']?\s*+[:=]")
_TELLING = 16
"""Characters of a member that make it a secret, whatever its key."""

_SHORTEST_LINE = 8


class Piece(NamedTuple):
    """A text to look for; where `entire`, only as a whole."""

    text: str
    entire: bool = False


def pieces(value: str) -> Iterator[Piece]:
    """Yield what is to be looked for."""
    for split in (_of_json, _of_pem, _of_url, _of_pairs, _of_lines):
        found = list(dict.fromkeys(split(value)))
        if found:
            yield Piece(value, entire=True)
            yield from (Piece(one) for one in found if one != value)
            return
    yield Piece(value)


def _of_json(value: str) -> Iterator[str]:
    if value.lstrip()[:1] not in ("{", "["):
        return
    import orjson

    try:
        waiting: list[tuple[str, Any]] = [("", orjson.loads(value))]
    except orjson.JSONDecodeError:
        return
    while waiting:
        key, one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.items()
        elif isinstance(one, list):
            waiting += [(key, item) for item in one]
        elif isinstance(one, str) and _telling(key, one):
            yield from _of_pem(one) if "-----BEGIN " in one else [one]


def _telling(key: str, value: str) -> bool:
    if _PUBLIC_KEY.search(key):
        return False
    return len(value) > 3 if _SECRET_KEY.search(key) else len(value) >= _TELLING and "://" not in value


def _of_pem(value: str) -> Iterator[str]:
    for block in _PEM.finditer(value):
        yield block[1].strip()


def _of_url(value: str) -> Iterator[str]:
    url = _URL.fullmatch(value)
    if url is None:
        return
    password = (url["user"] or "").partition(":")[2]
    found = [password] if password else []
    query = url["rest"].partition("?")[2].partition("#")[0]
    found += [one for key, one in _PAIR.findall(query) if _SECRET_KEY.search(key)]
    if not found and url["user"]:
        found = [url["user"]]  # a token in the place of the user
    for one in found or [url["rest"].lstrip("/")]:
        yield from _decoded(one)


def _decoded(text: str) -> Iterator[str]:
    from urllib.parse import unquote, unquote_plus

    yield from (one for one in (text, unquote(text), unquote_plus(text)) if one)


def _of_pairs(value: str) -> Iterator[str]:
    """Yield the secrets of a libpq or ODBC string."""
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(value):
        pair = _PAIR.match(value, at)
        if pair is None:
            return  # it is something else
        pairs.append((pair[1], pair[2]))
        at = pair.end()
    for key, one in pairs if len(pairs) > 1 else []:
        bare = re.sub(r"\\(.)", r"\1", one[1:-1]) if one[0] in "'\"{" else one
        if _SECRET_KEY.search(key) and bare:
            yield bare


def _of_lines(value: str) -> Iterator[str]:
    """Yield the lines of a file of settings; of `key: value` only the value, unless the key makes it public."""
    lines = value.splitlines()
    for line in lines if len(lines) > 1 else []:
        key = _KEY.match(line)
        if key is None and len(line.strip()) >= _SHORTEST_LINE:
            yield line.strip()
        elif key is not None and _telling(key[1], one := line[key.end() :].strip("\"', \t")):
            yield one
