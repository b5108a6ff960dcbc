"""Base of the database servers: each read and each write has a connection of its own, and all of them are watched."""

from abc import abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from firn_runtime.cancel import current
from firn_runtime.connector import ConnectorBase
from firn_runtime.connectors.databases.watch import PATIENCE, Peer, Watch
from firn_runtime.connectors.databases.watch import Connection as WatchedConnection
from firn_runtime.engine import Session

C = TypeVar("C")
P = TypeVar("P")


class Connection(WatchedConnection, Protocol):
    """A connection to a server."""

    def stop(self) -> None:
        """End the statement at work; may be called from any thread."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


S = TypeVar("S", bound=Connection)


class DatabaseServer(ConnectorBase[C, P]):
    """A database server; a subclass says how it is spoken to."""

    patience = PATIENCE

    def connect(self) -> None:
        """Ask nothing yet: the server is asked when there is something to ask."""
        self._spools: list[Path] = []
        self._watch = Watch(self._idle, self.patience)

    def close(self) -> None:
        """Remove what queries have left in the workspace."""
        for spool in self._spools:
            spool.unlink(missing_ok=True)
        self._watch.close()

    @abstractmethod
    def _idle(
        self, peer: Peer, seconds: float, sessions: Collection[Any], *, end: bool = False
    ) -> Collection[Any] | None:
        """Ask a peer about sessions, as the watch does."""

    @contextmanager
    def _watched(self, server: S) -> Iterator[S]:
        """Use a connection until it is closed; whoever is asked to stop stops the server's work, too."""
        try:
            self._watch.over(server)
            with current().interrupting(server.stop):
                yield server
        finally:
            self._watch.no_more_over(server)
            server.close()

    def _spool(self, session: Session) -> Path:
        """Return a new file for what a query gives, which stays until the end."""
        session.engine.spill.mkdir(parents=True, exist_ok=True)
        spool = session.engine.spill / f"{uuid4().hex}.csv"
        self._spools.append(spool)
        return spool
