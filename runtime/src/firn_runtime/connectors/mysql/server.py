"""One connection to MySQL or MariaDB: its settings, its transactions, rows in bulk, how another thread stops it.

The connectors' only module that opens connections by pymysql. Nothing is taken from option files, and the password is
handed to the driver as an argument of its own: it is in no address, no statement and no message.
"""

import contextlib
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pymysql
from pymysql.constants import CLIENT, CR
from pymysql.cursors import SSCursor
from pymysql.err import MySQLError, OperationalError

from firn_runtime.connectors.databases.ending import COUNT, IDLE, INTERVAL, UNANSWERED, Ending, not_kept
from firn_runtime.connectors.databases.spool import opened
from firn_runtime.connectors.databases.watch import Peer, peer_of
from firn_runtime.connectors.mysql.errors import refused, translated, warned
from firn_runtime.connectors.mysql.placeholders import Value
from firn_runtime.connectors.mysql.tls import context
from firn_runtime.connectors.mysql.types import Column, text_literal
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.databases import MySqlConfig, MySqlOptions

Row = tuple[Any, ...]

_STRICT = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_WRITING = f"{_STRICT},NO_ZERO_IN_DATE,NO_ZERO_DATE,NO_AUTO_VALUE_ON_ZERO,ANSI_QUOTES"
"""No value is cut, zeroed or numbered in silence. Our own statements quote names as standard SQL does."""
_SETTINGS = (
    "set session autocommit = 1, time_zone = '+00:00', sql_notes = 1, max_error_count = 64, "
    "sql_auto_is_null = 0, sql_safe_updates = 0, sql_select_limit = 18446744073709551615, foreign_key_checks = 1, "
    "unique_checks = 1"
)
"""What servers may have set otherwise for everybody."""
_AS_LONG_AS_ROWS = "set session lock_wait_timeout = least(@@lock_wait_timeout, @@innodb_lock_wait_timeout)"
"""Who changes a table waits for those who read it in a transaction, and all readers behind: by itself a day or a
year."""
_KILL = 5.0
"""Seconds that asking the server to stop may take."""
_ALIVE = {
    socket.TCP_KEEPIDLE: IDLE,
    socket.TCP_KEEPINTVL: INTERVAL,
    socket.TCP_KEEPCNT: COUNT,
    socket.TCP_USER_TIMEOUT: UNANSWERED,
}
_NO_CHANGE = frozenset([1287, 1592, 1681])
"""Warnings about words of SQL and about replication; every other one is about values."""
_WHO = "select @@hostname, @@port, @@server_id"
_IDLE = """
    select id from information_schema.processlist
    where command = 'Sleep' or state in ('Writing to net', 'Sending to client')"""
"""Sessions that are not at work, or wait for their client. What a server does not tell is no reason to leave it."""


class Session(NamedTuple):
    """A session: which server has it, and its number there."""

    place: Row
    number: int


def idle(
    config: MySqlConfig, options: MySqlOptions, peer: Peer, seconds: float, sessions: Collection[Session], *, end: bool
) -> Collection[Session] | None:
    """Return for which of these sessions the server has nothing to do, as far as it says, and `end` them.

    None where it gives no answer to who wants to log in, not even a refusal.
    """
    try:
        other = _connected(config, options, seconds, peer)
    except ConnectorError as error:
        return None if error.error_class == "timeout" else ()
    try:
        with other.cursor() as cursor:
            cursor.execute(_WHO)
            place = cursor.fetchone()
            cursor.execute(_IDLE)
            found = {Session(place, number) for (number,) in cursor.fetchall()}.intersection(sessions)
            for one in found if end else ():
                cursor.execute(f"kill {one.number}")
            return found
    except (MySQLError, OSError) as error:
        return None if isinstance(error.__context__, TimeoutError) else ()
    finally:
        other._force_close()


class _PlainPassword:
    """Stands for a way to log in that would send the password as it is to who listens in."""

    def __init__(self, connection: Any) -> None:
        self._is_secret = bool(connection.ssl)
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:
        """Send the password through TLS alone; what the server asked is of no interest."""
        del packet
        if not self._is_secret:
            raise OperationalError(CR.CR_AUTH_PLUGIN_CANNOT_LOAD, "")
        self._connection.write_packet(self._connection.password + b"\0")
        return self._connection._read_packet()


class Server:
    """One connection. One thread uses it; `stop` may come from another. Close it."""

    def __init__(self, config: MySqlConfig, options: MySqlOptions, *, writing: bool = False) -> None:
        self._config, self._options = config, options
        self._ending = Ending()
        self._connection = _connected(config, options, options.connect_timeout)
        self._thread = self._connection.thread_id()
        self._session: Session | None = None
        """Which one it is, and at which server; None until that is known."""
        try:
            self.rows(_SETTINGS)
            self.rows(f"set session sql_mode = '{_WRITING if writing else _STRICT}'")
            if writing:
                self.rows(_AS_LONG_AS_ROWS)
            ((*place, number, packet),) = self.rows(f"{_WHO}, connection_id(), @@max_allowed_packet")
        except BaseException:
            self._connection._force_close()
            raise
        self._session = Session(tuple(place), int(number))
        self._connection._read_timeout = self._connection._write_timeout = None
        self.packet = int(packet)
        """Bytes of one statement or row, at most."""

    @property
    def peer(self) -> Peer:
        """With whom it is connected: address and port."""
        return peer_of(self.line)

    @property
    def line(self) -> Any:
        """The connection's socket; None where the driver has let go of it."""
        return self._connection._sock

    @property
    def awaited(self) -> Session | None:
        """The session whose answer is waited for; None where none is."""
        return self._session if self._ending.is_awaited else None

    def close(self) -> None:
        """End the connection; what was not committed is undone."""
        if self._connection.open and not self._ending.is_stopped:
            with contextlib.suppress(MySQLError):
                self._connection.close()
        self._connection._force_close()

    def stop(self) -> None:
        """End the statement that runs in another thread, and let no other begin."""
        if self._ending.is_stopped:
            return
        self._ending.is_stopped = True
        with contextlib.suppress(ConnectorError, MySQLError, OSError):
            self._kill()
        self.hang_up()

    def lose(self) -> None:
        """Know why this connection ends: its answer never comes."""
        self._ending.is_lost = True

    def hang_up(self) -> None:
        """Wait no longer for a server that does not answer."""
        with contextlib.suppress(OSError, AttributeError):  # the driver has let go of it meanwhile
            self.line.shutdown(socket.SHUT_RDWR)

    def _kill(self) -> None:
        """End the statement by a second connection, where that leads to the same server."""
        other = _connected(self._config, self._options, min(_KILL, self._options.connect_timeout or _KILL))
        try:
            with other.cursor() as cursor:
                cursor.execute(_WHO)
                if self._session is not None and cursor.fetchone() == self._session.place:
                    cursor.execute(f"kill query {self._thread}")
        finally:
            other._force_close()

    @contextlib.contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        """Commit what the block did, or undo all of it. One that only reads sees everything as of its beginning."""
        level = "repeatable read" if read_only else "read committed"
        self.rows(f"set transaction isolation level {level}")
        self.rows(f"start transaction{' with consistent snapshot, read only' if read_only else ''}")
        try:
            yield
            self._ending.go_on()
        except BaseException:
            self._roll_back()
            raise
        self.rows("commit")

    def _roll_back(self) -> None:
        """Undo it; a connection that cannot hear it is undone by its end."""
        try:
            self._connection.rollback()
        except (MySQLError, OSError, AttributeError):
            self._connection._force_close()

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        """Run one statement with values for its `?` and return its rows."""
        with self._running(sql, params, pymysql.cursors.Cursor) as cursor:
            return list(cursor.fetchall())

    def changed(self, sql: str | bytes) -> int:
        """Run one statement and return the number of rows that it changed; an error where a value would change."""
        with self._translating(of_rows=isinstance(sql, bytes)), self._limited():
            with self._connection.cursor() as cursor:
                count = int(cursor.execute(sql))
                warnings = cursor.warning_count
            if warnings:
                self._refuse_warnings()
            return count

    def _refuse_warnings(self) -> None:
        for _, number, text in self._connection.show_warnings():
            if number not in _NO_CHANGE:
                raise warned(number, text)

    def described(self, query: str, params: Sequence[Value]) -> list[Column]:
        """Return the columns of a query."""
        with self._running(f"{query} limit 0", params, pymysql.cursors.Cursor) as cursor:
            found = cursor._result.fields or ()
            return [Column(one.name, one.type_code, one.length, one.charsetnr, one.scale, one.flags) for one in found]

    def download(self, query: str, params: Sequence[Value], file: Path) -> None:
        """Write the one column of a query to a file, a line for each row. NULL is a row that the server cannot send."""
        with self._running(query, params, SSCursor) as cursor, opened(file) as spool:
            for (row,) in cursor.fetchall_unbuffered():
                if row is None:
                    help = "raise `max_allowed_packet` there, or read less of the row by `columns` or `sql`"
                    raise ConnectorError("data", f"a row is longer than the server's {self.packet} bytes", help)
                spool.write(row)

    @contextlib.contextmanager
    def _running(self, sql: str, params: Sequence[Value], kind: Any) -> Iterator[Any]:
        """Run a statement. Values are bound by the server; they come to it in variables of the session."""
        with self._translating(), self._limited():
            cursor = self._connection.cursor(kind)
            try:
                if params:
                    names = [f"@firn_{number}" for number in range(len(params))]
                    pairs = zip(names, params, strict=True)
                    sets = ", ".join(f"{name} = {_spelled(value)}" for name, value in pairs)
                    self._connection.query(f"set @firn_sql = {_spelled(sql)}, {sets}")
                    self._connection.query("prepare firn_query from @firn_sql")
                    sql = f"execute firn_query using {', '.join(names)}"
                cursor.execute(sql)
                yield cursor
            except BaseException:
                if kind is SSCursor:
                    self._abandon(cursor)
                raise
            cursor.close()

    def _abandon(self, cursor: Any) -> None:
        """Read no more rows: the driver would wait for all that are still to come."""
        for result in (cursor._result, self._connection._result):
            if result is not None:
                result.unbuffered_active = False
        self._connection._force_close()

    def _limited(self) -> AbstractContextManager[None]:
        """Stop what takes longer than `statement_timeout`."""
        late = partial(copy_context().run, self._end_late)
        return self._ending.awaiting(self._options.statement_timeout or None, late)

    def _end_late(self) -> None:
        self._ending.is_late = True
        self.stop()

    @contextlib.contextmanager
    def _translating(self, *, of_rows: bool = False) -> Iterator[None]:
        self._ending.go_on()
        try:
            yield
        except MySQLError as error:
            self._ending.go_on()
            if self._connection._read_timeout and isinstance(error.__context__, TimeoutError):
                raise refused(error, self._config) from None
            raise translated(error, of_rows=of_rows) from None
        except (AttributeError, RuntimeError, ValueError):  # the driver's, where the connection was closed below it
            self._ending.go_on()
            raise ConnectorError("connection", "the server has closed the connection") from None
        except OSError as error:
            self._ending.go_on()
            raise not_kept(error) from None


def _connected(config: MySqlConfig, options: MySqlOptions, timeout: float, peer: Peer = None) -> Any:
    """Return a connection, each answer of which is waited for as long as `timeout`; to that peer where there is one."""
    tls = context(config.host, options)
    try:
        made: Any = pymysql.connect(
            host=config.host,
            port=config.port,
            database=config.database,
            user=config.user,
            password=config.password.reveal().encode() if config.password else b"",
            charset="utf8mb4",
            autocommit=True,
            client_flag=CLIENT.FOUND_ROWS,
            connect_timeout=timeout or 31536000,
            read_timeout=timeout or None,
            write_timeout=timeout or None,  # that of the handshake of TLS too
            ssl=tls,
            ssl_disabled=tls is None,
            local_infile=False,
            program_name="firn",
            auth_plugin_map=dict.fromkeys((b"mysql_clear_password", b"dialog"), _PlainPassword),
            defer_connect=True,
        )
        made.connect(socket.create_connection(peer[:2], timeout) if peer else None)
    except (MySQLError, OSError, RuntimeError) as error:
        raise refused(error, config) from None
    for name, value in _ALIVE.items():
        made._sock.setsockopt(socket.IPPROTO_TCP, name, value)
    return made


def _spelled(value: Value) -> str:
    """Return a value for a variable of the session."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return text_literal(value)
    return repr(value) if isinstance(value, float) else str(int(value))
