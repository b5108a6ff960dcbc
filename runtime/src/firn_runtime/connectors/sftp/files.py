"""One file of a session: fetched, put beside its place and renamed, removed."""

import posixpath
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from asyncssh import (
    FILEXFER_TYPE_DIRECTORY,
    FILEXFER_TYPE_REGULAR,
    FXF_CREAT,
    FXF_EXCL,
    FXF_READ,
    FXF_WRITE,
    SFTPClientFile,
    SFTPError,
    SFTPFailure,
    SFTPFileAlreadyExists,
    SFTPOpUnsupported,
    SFTPPermissionDenied,
)

from firn_runtime.connector import StoredFile
from firn_runtime.connectors.sftp.session import MISSING, Session, stored
from firn_runtime.connectors.sftp.transfer import UNDER_WAY, Silence, fetch, same, send
from firn_runtime.errors import ConnectorError
from firn_runtime.publication import STAGED, staged_name

_TAKEN = (SFTPFailure, SFTPFileAlreadyExists)
"""What says that a name is taken; SFTP 3 has no word of its own for it."""
_NEW, _OLD = FXF_WRITE | FXF_CREAT | FXF_EXCL, FXF_READ | FXF_WRITE


class Staged(NamedTuple):
    """A file beside its place."""

    file: StoredFile
    """What it will be."""
    path: str
    part: str


async def get(session: Session, file: StoredFile, target: Path) -> None:
    """Fetch what `target` lacks of the file; raise ConnectorError where it is by now another one."""
    path = await session.inside(file.name)
    if path is None:
        raise _changed()
    try:
        opened = await session.ask(session.client.open(path, "rb", block_size=0))
    except MISSING:
        raise _changed() from None
    async with _closing(session, opened):
        if target.exists():
            await _unchanged(session, opened, file)
        await fetch(session.client, opened, file.size, target, session.silence)
        await _unchanged(session, opened, file)


async def stage(session: Session, source: Path, name: str, mark: str) -> Staged:
    """Bring a file beside its place, as long as `source` is, and to the disk where the server can say that."""
    above, base = posixpath.split(name)
    part = staged_name(base, mark)
    folder, opened, begin = await _begun(session, above, part, source)
    async with _closing(session, opened):
        await send(session.client, opened, source, begin, session.silence)
        with suppress(SFTPOpUnsupported):
            await session.ask(opened.fsync())
        file = stored(name, await session.ask(opened.stat()))
    if file.size != source.stat().st_size:
        message = "what the server holds is not as long as what it was sent"
        raise ConnectorError("server_error", message, "its disk may be full, or somebody else writes the same file")
    return Staged(file, posixpath.join(folder, base), posixpath.join(folder, part))


async def publish(session: Session, staged: Staged) -> StoredFile:
    """Rename a staged file, in the place of what is there; raise ConnectorError where that is a folder."""
    try:
        await _rename(session, staged)
    except SFTPFailure:
        if (await session.ask(session.client.stat(staged.path))).type == FILEXFER_TYPE_DIRECTORY:
            raise ConnectorError("conflict", "a folder has that name") from None
        raise
    return staged.file


async def _rename(session: Session, staged: Staged) -> None:
    try:
        await session.ask(session.client.posix_rename(staged.part, staged.path))
    except SFTPOpUnsupported:
        await _replace(session, staged)


async def _replace(session: Session, staged: Staged) -> None:
    """Rename where the server does not rename over a file: what is there is moved aside, and back if that fails."""
    client, aside = session.client, f"{staged.part.removesuffix(STAGED)}.old{STAGED}"
    try:
        await session.ask(client.rename(staged.part, staged.path))
    except _TAKEN:
        if (await session.ask(client.lstat(staged.path))).type == FILEXFER_TYPE_DIRECTORY:
            raise
        await _removed(session, aside)
        await session.ask(client.rename(staged.path, aside))
        try:
            await session.ask(client.rename(staged.part, staged.path))
        except BaseException:
            await session.ask(client.rename(aside, staged.path))
            raise
    await _removed(session, aside)


async def _removed(session: Session, path: str) -> None:
    with suppress(*MISSING):
        await session.ask(session.client.remove(path))


async def delete(session: Session, name: str) -> bool:
    """Remove a file, or a symbolic link and not what it leads to; say whether it was there."""
    above, base = posixpath.split(name)
    folder = await session.inside(above)
    if folder is None:
        return False
    path = posixpath.join(folder, base)
    try:
        await session.ask(session.client.remove(path))
    except MISSING:
        return False
    except (SFTPFailure, SFTPPermissionDenied):  # SFTP 3 has no word of its own for a folder
        if (await session.ask(session.client.lstat(path))).type == FILEXFER_TYPE_DIRECTORY:
            raise ConnectorError("data", "it is a folder", "files alone are removed") from None
        raise
    return True


async def _begun(session: Session, above: str, part: str, source: Path) -> tuple[str, SFTPClientFile, int]:
    """Return the folder's path, the open file and how much of it is there already."""
    folder = await session.inside(above)
    if folder is not None:
        path = posixpath.join(folder, part)
        try:
            return folder, await _new(session, path), 0
        except MISSING:
            pass
        except _TAKEN:
            return folder, *await _found(session, path, source)
    folder = await _made(session, above)
    return folder, await _new(session, posixpath.join(folder, part)), 0


async def _new(session: Session, path: str) -> SFTPClientFile:
    return await session.ask(session.client.open(path, _NEW, encoding=None, block_size=0))


async def _found(session: Session, path: str, source: Path) -> tuple[SFTPClientFile, int]:
    """Return a file that an earlier attempt has begun, and from where to go on; a new one where it is no such."""
    try:
        attrs = await session.ask(session.client.lstat(path))
    except MISSING:
        raise SFTPFailure("") from None  # the name was not taken: it was something else
    begin = (attrs.size or 0) - UNDER_WAY
    if attrs.type == FILEXFER_TYPE_REGULAR and 0 < begin <= source.stat().st_size - UNDER_WAY:
        opened = await session.ask(session.client.open(path, _OLD, encoding=None, block_size=0))
        if await same(opened, source, begin, session.silence):
            return opened, begin
        await session.ask(opened.close())
    await session.ask(session.client.remove(path))
    return await _new(session, path), 0


async def _made(session: Session, folder: str) -> str:
    """Return the path of a folder, made from the root down where it is missing."""
    path, parts = session.root, folder.split("/")
    for name in ("/".join(parts[: end + 1]) for end in range(len(parts))):
        found = await session.inside(name)
        path = found or posixpath.join(path, posixpath.basename(name))
        try:
            await session.ask(session.client.mkdir(path))
        except SFTPError:
            with suppress(*MISSING):
                if (await session.ask(session.client.stat(path))).type == FILEXFER_TYPE_DIRECTORY:
                    continue
            raise
    return path


@asynccontextmanager
async def _closing(session: Session, opened: SFTPClientFile) -> AsyncIterator[None]:
    """Close a file, without waiting long for the answer where something has failed already."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            await Silence(1).bound(opened.close())
        raise
    await session.ask(opened.close())


async def _unchanged(session: Session, opened: SFTPClientFile, file: StoredFile) -> None:
    if stored(file.name, await session.ask(opened.stat())) != file:
        raise _changed()


def _changed() -> ConnectorError:
    help = "somebody writes to it; try again when it is whole"
    return ConnectorError("conflict", "the file is not the one that was listed", help)
