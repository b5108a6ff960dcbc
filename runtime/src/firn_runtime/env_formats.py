"""What an env file may be: dotenv, one JSON object, or a folder of files. Each reader gives entries in order."""

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from firn_runtime.plain_file import plain_content
from firn_runtime.secret_sources import beneath
from firn_runtime.secret_sources.beneath import Place
from firn_runtime.secret_sources.value import MAX_BYTES, Unusable, text_of

MAX_FILE = 1024 * 1024
_TOO_LARGE = f"is larger than {MAX_FILE // 1024 // 1024} MiB"


class Broken(Exception):
    """Why an env file is not used; a predicate that holds neither a value nor a line of the file."""


class Entry(NamedTuple):
    """A variable of an env file."""

    name: str
    value: str
    where: str
    """How messages name it."""


def format_of(path: Path) -> str:
    """Return the format that a path is of by what it is; raise OSError."""
    if stat.S_ISDIR(path.stat().st_mode):
        return "folder"
    return "json" if path.suffix == ".json" else "dotenv"


def dotenv(path: Path) -> Iterator[Entry]:
    """Yield what a dotenv file sets, nothing inside of a value replaced; raise Broken and OSError."""
    try:
        from dotenv.parser import parse_stream
    except ModuleNotFoundError:
        raise Broken('needs python-dotenv: pip install "firn-runtime[dotenv]"') from None
    for found in parse_stream(StringIO(_text(path))):
        text, line = found.original
        line += text.count("\n", 0, len(text) - len(text.lstrip()))
        if found.error or (found.key is not None and found.value is None):
            raise Broken(f"cannot be read: line {line} is not `NAME=value`")
        if found.key is not None:
            yield Entry(found.key, found.value or "", f"line {line}")


def json_object(path: Path) -> Iterator[Entry]:
    """Yield the members of one JSON object, numbers and booleans as they are spelled; raise Broken and OSError."""
    import json

    try:
        members = json.loads(
            _text(path), parse_int=str, parse_float=str, parse_constant=_refuse, object_pairs_hook=_Members
        )
    except json.JSONDecodeError as error:
        raise Broken(f"is not JSON (line {error.lineno})") from None
    except (ValueError, RecursionError):
        raise Broken("is not JSON") from None
    if type(members) is not _Members:
        raise Broken("is not one JSON object")
    seen: set[str] = set()
    for index, (name, value) in enumerate(members, 1):
        text = _BOOLEANS[value] if isinstance(value, bool) else value
        if not isinstance(text, str):
            raise Broken(f"cannot be read: the value of member {index} is not text, a number, true or false")
        if name in seen:
            raise Broken(f"cannot be used: at member {index}, the name stands there twice")
        seen.add(name)
        yield Entry(name, text, f"member {index}")


def folder(path: Path) -> Iterable[Entry]:
    """Return the files of a folder as variables, all out of one state of it; raise Broken and OSError."""
    if not stat.S_ISDIR(path.stat().st_mode):
        raise Broken("is not a folder")
    for _ in range(2):
        with ExitStack() as opened:
            try:
                top = _top(path, opened)
                entries = list(_files(top))
                if beneath.same(top, _top(path, opened)):  # of a volume that is replaced, files may be gone already
                    return entries
            except (beneath.Vanished, FileNotFoundError):
                continue
    raise Broken("was replaced while it was read")


FORMATS: Mapping[str, Callable[[Path], Iterable[Entry]]] = {"dotenv": dotenv, "json": json_object, "folder": folder}

_BOOLEANS = {True: "true", False: "false"}


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object as they stand there."""


def _refuse(_: str) -> str:
    raise ValueError("JSON has no such number")


def _top(path: Path, opened: ExitStack) -> Place:
    return beneath.published(beneath.root(path, opened), opened)


def _files(top: Place) -> Iterator[Entry]:
    room = MAX_FILE
    for name in beneath.entries(top):
        if name.startswith(".."):
            continue  # of Kubernetes
        with ExitStack() as opened:
            try:
                file = beneath.walk(top, name, opened)
                content = beneath.content(file, MAX_BYTES) if file.name else None
                if content is None:
                    raise Unusable("is not a regular file")
                yield Entry(name, text_of(content), f"`{name}`")
            except beneath.Vanished:
                raise
            except Unusable as error:
                raise Broken(f"cannot be read: `{name}` in it {error}") from None
        room -= len(content)
        if room < 0:
            raise Broken(_TOO_LARGE)


def _text(path: Path) -> str:
    content = plain_content(path, MAX_FILE)
    if content is None:
        raise Broken("is not a regular file")
    if len(content) > MAX_FILE:
        raise Broken(_TOO_LARGE)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Broken("is not UTF-8 text") from None
