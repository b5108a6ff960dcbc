"""One connection to PostgreSQL: its settings, its transactions, rows in bulk, and how another thread stops it.

The connectors' only module that imports psycopg. Nothing is taken from the environment, and the password is handed to
the driver as an argument of its own: it is in no address, no statement and no message.
"""

import contextlib
import logging
import math
import os
import socket
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import psycopg
from psycopg import generators, pq

from firn_runtime.connectors.databases.ending import COUNT, IDLE, INTERVAL, UNANSWERED, Ending, not_kept
from firn_runtime.connectors.databases.spool import NULL, opened
from firn_runtime.connectors.databases.watch import Peer, peer_of
from firn_runtime.connectors.postgres.errors import refused, translated
from firn_runtime.connectors.postgres.types import Column
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier
from firn_runtime.postgres_tls import tls
from firn_schemas.connectors.databases import PostgresConfig, PostgresOptions

Row = tuple[Any, ...]

NOT_FROM_OUTSIDE: dict[str, Any] = {
    "channel_binding": "prefer",
    "client_encoding": "utf8",
    "gssencmode": "disable",
    "load_balance_hosts": "disable",
    "options": "",
    "passfile": "/dev/null",
    "require_auth": "password,md5,scram-sha-256,none",
    "requirepeer": "",
    "sslcert": "",
    "sslcertmode": "disable",
    "sslcrl": "",
    "sslcrldir": "",
    "sslkey": "",
    "target_session_attrs": "any",
}
"""What the driver would otherwise take from variables such as PGHOSTADDR, or from files in the home folder."""
ALIVE = {
    "keepalives_idle": IDLE,
    "keepalives_interval": INTERVAL,
    "keepalives_count": COUNT,
    "tcp_user_timeout": UNANSWERED,
}

_CANCEL = 5.0
"""Seconds that asking the server to stop may take."""
_GRACE = 1.0
"""Seconds that the server has to end by itself what takes longer than `statement_timeout`."""
_SPELLING = {
    "array_nulls": "on",
    "bytea_output": "hex",
    "datestyle": "ISO",
    "extra_float_digits": "1",
    "intervalstyle": "postgres",
    "timezone": "UTC",
}

_IDLE = """
    select pid from pg_stat_activity
    where pid = any($1) and usename = current_user and application_name = current_setting('application_name')
        and (state like 'idle%' or wait_event_type = 'Client')
        and case when $2::boolean then pg_terminate_backend(pid) else true end"""
"""A session that is not at work, or waits for its client. That of another machine behind one address is not taken for
one of ours; what a server does not tell is no reason to leave it."""

_WRITING = f"""
    select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'
    union all select set_config('tcp_keepalives_idle', '{IDLE}', true)
    union all select set_config('tcp_keepalives_interval', '{INTERVAL}', true)
    union all select set_config('tcp_keepalives_count', '{COUNT}', true)
    union all select set_config(name, '{UNANSWERED}', true) from pg_settings
        where name = 'idle_in_transaction_session_timeout' and setting::int not between 1 and {UNANSWERED}"""
"""What is reported is on disk: a crash of the server would lose rows that no run reads again. And who is gone without a
word keeps the table from others for no longer than a minute, where the server by itself waits for hours."""


def host_address(peer: Peer) -> str:
    """Return what leads to this peer, whatever the host's name leads to by now; nothing for a local socket."""
    return "" if isinstance(peer, str) else str(peer[0])


def idle(
    config: PostgresConfig,
    options: PostgresOptions,
    peer: Peer,
    seconds: float,
    sessions: Collection[int],
    *,
    end: bool,
) -> Collection[int] | None:
    """Return for which of these sessions the server has nothing to do, as far as it says, and `end` them.

    None where it gives no answer to who wants to log in, not even a refusal.
    """
    hasty = replace(options, connect_timeout=seconds, statement_timeout=seconds)
    try:
        with contextlib.closing(Server(config, hasty, host_address(peer))) as server:
            return [pid for (pid,) in server.rows(_IDLE, (list(sessions), end))] if sessions else ()
    except ConnectorError as error:
        return None if error.error_class == "timeout" else ()


class Described(NamedTuple):
    """What a query gives and takes; the places' types as SQL names them."""

    columns: list[Column]
    places: list[str]


class Server:
    """One connection. One thread uses it; `stop` may come from another. Close it."""

    def __init__(self, config: PostgresConfig, options: PostgresOptions, address: str = "") -> None:
        """`address` is that of one of the machines to which the host's name leads."""
        logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # it warns of what is an error here already
        self._settings = dict(_SPELLING)
        if options.statement_timeout:
            self._settings["statement_timeout"] = f"{math.ceil(options.statement_timeout * 1000)}ms"
        if config.schema is not None:
            self._settings["search_path"] = identifier(config.schema)
        self._timeout = options.statement_timeout
        self._ending = Ending()
        self._patience = math.inf
        try:
            self._connection = psycopg.connect(
                **cast(Any, NOT_FROM_OUTSIDE | ALIVE | tls(config.host, options.sslmode, options.sslrootcert)),
                host=config.host,
                hostaddr=address,
                port=config.port,
                dbname=config.database,
                user=config.user,
                password=config.password.reveal() if config.password else "",
                connect_timeout=math.ceil(options.connect_timeout),
                application_name=options.application_name,
                autocommit=True,
                cursor_factory=psycopg.RawCursor,
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            raise refused(error, config) from None
        self.line = socket.socket(fileno=os.dup(self._connection.fileno()))
        self._session = self._connection.info.backend_pid

    @property
    def peer(self) -> Peer:
        """With whom it is connected: address and port, or the path of a socket."""
        return peer_of(self.line)

    @property
    def awaited(self) -> int | None:
        """The server's number of the session whose answer is waited for; None where none is."""
        return self._session if self._ending.is_awaited else None

    def close(self) -> None:
        """End the connection; what was not committed is undone."""
        self._connection.close()
        self.line.close()

    def stop(self) -> None:
        """End the statement that runs in another thread, and let no other begin.

        It is asked again until the work has ended; a server that does not end it within some seconds is left.
        """
        if not self._ending.is_stopped:
            self._patience = time.monotonic() + _CANCEL
            self._ending.is_stopped = True
        try:
            self._connection.cancel_safe(timeout=_CANCEL)
        except psycopg.Error:
            self.hang_up()
        if time.monotonic() > self._patience:
            self.hang_up()

    def lose(self) -> None:
        """Know why this connection ends: its answer never comes."""
        self._ending.is_lost = True

    def hang_up(self) -> None:
        """Wait no longer for a server that does not answer."""
        with contextlib.suppress(OSError):
            self.line.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        """Commit what the block did, or undo all of it. Settings hold for one transaction, as connection pools need."""
        self._connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        self._connection.read_only = read_only
        with self._translating(), self._begun():
            sets = ", ".join(f"set_config(${at}, ${at + 1}, true)" for at in range(1, 2 * len(self._settings), 2))
            values = [text for setting in self._settings.items() for text in setting]
            ((self._session, *_),) = self.rows(f"select pg_backend_pid(), {sets}", values)  # a pool may give another
            if not read_only:
                self.rows(_WRITING)
            yield
            self._ending.go_on()

    @contextlib.contextmanager
    def _begun(self) -> Iterator[None]:
        """Begin and end a transaction, each as a statement of its own."""
        transaction = self._connection.transaction()

        def ended(*error: Any) -> bool:
            with self._limited():
                return bool(transaction.__exit__(*error))

        with contextlib.ExitStack() as end:
            with self._limited():
                transaction.__enter__()
            end.push(ended)
            yield

    def set(self, name: str, value: str) -> None:
        """Set a variable for the rest of the transaction."""
        self.rows("select set_config($1, $2, true)", (name, value))

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        with self._running(), self._connection.cursor() as cursor:
            cursor.execute(sql.encode(), params or None)
            return cursor.fetchall() if cursor.description else []

    def changed(self, sql: str) -> int:
        """Run one statement and return the number of rows that it changed."""
        with self._running(), self._connection.cursor() as cursor:
            return max(0, cursor.execute(sql.encode()).rowcount)

    def described(self, sql: str) -> Described:
        """Return what a query is, without running it; raise where it is not one statement."""
        driver = self._connection.pgconn
        with self._running():
            driver.send_prepare(b"", sql.encode())
            self._answered()
            driver.send_describe_prepared(b"")
            found = self._answered()
        columns = [
            Column((found.fname(at) or b"").decode(), found.ftype(at), found.fmod(at)) for at in range(found.nfields)
        ]
        types = [found.param_type(at) for at in range(found.nparams)]
        return Described(columns, [str(self.rows("select format_type($1::oid, null)", (one,))[0][0]) for one in types])

    def _answered(self) -> pq.abc.PGresult:
        """Return what the server says to what was sent. The driver's own calls for that would stop all threads."""
        result: pq.abc.PGresult
        (result,) = self._connection.wait(generators.execute(self._connection.pgconn))
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
        return result

    def download(self, query: str, file: Path) -> None:
        """Write the rows of a query to a CSV file."""
        sql = f"copy ({query}) to stdout (format csv, null '{NULL}', force_quote *)"
        with (
            self._running(),
            self._connection.cursor() as cursor,
            opened(file) as spool,
            cursor.copy(sql.encode()) as copy,
        ):
            for block in copy:
                spool.write(block)

    def upload(self, sql: str, blocks: Iterable[bytes]) -> int:
        """Send these bytes to a COPY from STDIN; return the number of rows. Nothing is added where `blocks` raises."""
        with self._running(), self._connection.cursor() as cursor:
            with cursor.copy(sql.encode()) as copy:
                self._ending.is_awaited = False
                for block in blocks:
                    self._ending.go_on()
                    copy.write(block)
                self._ending.is_awaited = True
            return cursor.rowcount

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        self._ending.go_on()
        with self._translating(), self._limited():
            yield

    def _limited(self) -> AbstractContextManager[None]:
        """Hang up on a server that should have ended the statement, and has not: it may not run at all any more."""
        return self._ending.awaiting(self._timeout + _GRACE if self._timeout else None, self._end_late)

    def _end_late(self) -> None:
        self._ending.is_late = True
        self.hang_up()

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, ValueError) as error:
            self._ending.go_on()
            if self._connection.closed and getattr(error, "sqlstate", None) is None:
                # also where a server tells why it ends, and a pooler that it has: the driver wants no second answer
                error = psycopg.OperationalError()
            if isinstance(error, ValueError):
                raise
            raise translated(error) from None
        except OSError as error:
            raise not_kept(error) from None
