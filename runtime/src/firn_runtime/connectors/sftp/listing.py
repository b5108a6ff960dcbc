"""What a folder holds. Servers are outsiders: a name is looked at before it is one, and a list has an end."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import NamedTuple, cast
from unicodedata import category

from asyncssh import (
    FILEXFER_TYPE_DIRECTORY,
    FILEXFER_TYPE_REGULAR,
    FILEXFER_TYPE_SYMLINK,
    FILEXFER_TYPE_UNKNOWN,
    SFTPAttrs,
    SFTPName,
)

from firn_runtime.confined_paths import shown
from firn_runtime.connector import StoredFile
from firn_runtime.connectors.sftp.session import MISSING, Session, stored
from firn_runtime.errors import ConnectorError

_UNTOLD = frozenset(["Cc", "Cs", "Zl", "Zp"])
"""Categories of characters that no name has: controls, bytes that are not UTF-8, ends of lines."""
_LONGEST = 4096
"""Characters of a path."""
_ALWAYS = 2
"""Names that every folder has: `.` and `..`."""


class Entries(NamedTuple):
    """What a folder holds; names below the root."""

    files: list[StoredFile]
    folders: list[str]


async def entries(session: Session, folder: str, most: int) -> Entries:
    """Return the files and folders of a folder; none where it is missing, refused where they are more than `most`.

    A symbolic link is the file that it leads to, where that lies below the root; one to a folder is left out, so that
    no list goes round in circles. So are files that are being uploaded.
    """
    found = Entries([], [])
    path = await session.inside(folder)
    if path is None:
        return found
    left = most + _ALWAYS
    try:
        names = cast("AsyncGenerator[SFTPName, None]", session.client.scandir(path))
        async with aclosing(names):
            async for one in _each(session, names):
                if not left:
                    help = "list a folder of fewer, or raise the resource's `max_files`"
                    raise ConnectorError("data", "there are more files than `max_files`", help)
                left -= 1
                if one.filename not in (".", ".."):
                    await _sort(session, found, _below(folder, str(one.filename)), one.attrs)
    except MISSING:
        return found
    return found


async def _each(session: Session, names: AsyncIterator[SFTPName]) -> AsyncIterator[SFTPName]:
    while True:
        one = await session.ask(anext(names, None))
        if one is None:
            return
        yield one


async def _sort(session: Session, found: Entries, name: str, attrs: SFTPAttrs) -> None:
    if attrs.type == FILEXFER_TYPE_DIRECTORY:
        found.folders.append(name)
    elif _is_staged(name):
        return
    elif attrs.type == FILEXFER_TYPE_REGULAR:
        found.files.append(stored(name, attrs))
    elif attrs.type in (FILEXFER_TYPE_SYMLINK, FILEXFER_TYPE_UNKNOWN):
        file = await _led_to(session, name)
        found.files.extend([file] if file is not None else [])


async def _led_to(session: Session, name: str) -> StoredFile | None:
    try:
        return await session.stat(name)
    except ConnectorError:
        return None


def _is_staged(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.startswith(".") and base.endswith(".part")


def _below(folder: str, name: str) -> str:
    """Return the name below the root of what a folder lists; raise ConnectorError where it is no name of a file."""
    path = f"{folder}/{name}" if folder else name
    odd = not name or "/" in name or any(category(one) in _UNTOLD for one in name)
    if odd or len(path) > _LONGEST:
        message = f"the server lists `{shown(name)}`, which is no name of a file"
        raise ConnectorError("data", message, "a name is text in UTF-8, without `/` and control characters")
    return path
