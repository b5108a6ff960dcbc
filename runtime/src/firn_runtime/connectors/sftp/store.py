"""The files of an SFTP server for callers in several threads, over one connection.

A connection that broke is made anew by the next call, never in the middle of one.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from firn_runtime.confined_paths import shown
from firn_runtime.connector import StoredFile
from firn_runtime.connectors.sftp.connection import Login
from firn_runtime.connectors.sftp.errors import failure
from firn_runtime.connectors.sftp.files import delete, get, publish, stage
from firn_runtime.connectors.sftp.listing import Entries, entries
from firn_runtime.connectors.sftp.loop import LoopThread
from firn_runtime.connectors.sftp.session import Session, opened
from firn_runtime.connectors.sftp.transfer import Silence
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.files import SftpConfig, SftpOptions

T = TypeVar("T")

_FAREWELL = 2.0
"""Seconds that a server has to hear that the connection ends."""


class SftpStore:
    """A FileStore. Close it."""

    def __init__(self, config: SftpConfig, options: SftpOptions, base: Path) -> None:
        """Raise ConnectorError for settings that cannot be right."""
        self._login = Login(config, options.timeout, base)
        self._config, self._options = config, options
        self._session: Session | None = None
        self._lock = asyncio.Lock()
        self._files = asyncio.Semaphore(options.max_concurrency)
        self._loop = LoopThread()

    def open(self) -> None:
        """Connect, log in and find the root."""

        async def nothing(session: Session) -> None:
            del session

        self._do("", nothing)

    def close(self) -> None:
        """End the connection."""
        self._loop.close(self._left)

    def list(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        """Yield the regular files of a folder; raise ConnectorError for a name that is none, and for too many."""
        left, folders = self._options.max_files, [folder]
        while folders:
            found = self._entries(folders.pop(), left)
            left -= len(found.files) + len(found.folders)
            folders += found.folders if recursive else []
            yield from found.files

    def _entries(self, folder: str, most: int) -> Entries:
        return self._do(f"listing `{shown(folder or '.')}`: ", lambda session: entries(session, folder, most))

    def stat(self, name: str) -> StoredFile | None:
        """Return what is told of a file; None where there is none."""
        return self._do(f"`{shown(name)}`: ", lambda session: session.stat(name))

    def get(self, file: StoredFile, target: Path) -> None:
        """Fetch a file's content into `target`, from where that ends."""
        self._move(f"fetching `{shown(file.name)}`: ", lambda session: get(session, file, target))

    def put(self, source: Path, name: str, mark: str, still_ours: Callable[[], None]) -> StoredFile:
        """Publish a local file by a rename; what is staged is a hidden file beside it."""
        doing = f"sending `{shown(name)}`: "
        staged = self._move(doing, lambda session: stage(session, source, name, mark))
        still_ours()
        return self._do(doing, lambda session: publish(session, staged))

    def delete(self, name: str, version: str | None = None) -> bool:  # noqa: ARG002  # a place that compares nothing
        """Remove a file; say whether it was there."""
        return self._do(f"removing `{shown(name)}`: ", lambda session: delete(session, name))

    def _move(self, doing: str, act: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        async def in_turn(session: Session) -> T:
            async with self._files:
                return await act(session)

        return self._do(doing, in_turn)

    def _do(self, doing: str, act: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """Return what `act` gives; raise ConnectorError or Ended. No driver's error is raised, nor hangs on one."""
        task = self._loop.run(lambda: self._with_session(act))
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            return task.result()
        known = failure(error, self._config) if error is not None else _CLOSED
        if known is None:
            assert error is not None
            raise error
        raise ConnectorError(known.error_class, f"{doing}{known.message}", known.help)

    async def _with_session(self, act: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        session = await self._entered()
        try:
            return await act(session)
        except Exception as error:
            known = failure(error, self._config)
            if known is not None and known.error_class == "connection" and self._session is session:
                session.connection.abort()
                self._session = None
            raise

    async def _entered(self) -> Session:
        """Return the session, a new one where there is none or its connection has ended meanwhile."""
        async with self._lock:
            if self._session is None or self._session.connection.is_closed():
                connection = await self._login.connect()
                try:
                    silence = Silence(self._options.timeout)
                    self._session = await opened(connection, self._config.root, silence)
                except BaseException:
                    connection.abort()
                    raise
            return self._session

    async def _left(self) -> None:
        if self._session is not None:
            self._session.connection.close()
            with suppress(TimeoutError):
                await Silence(_FAREWELL).bound(self._session.connection.wait_closed())


_CLOSED = ConnectorError("connection", "the connection was closed meanwhile")
