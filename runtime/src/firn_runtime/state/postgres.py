"""State in PostgreSQL, for many pods: plain rows and plain transactions, as poolers of transactions allow.

No session holds anything between two transactions: no advisory lock, no prepared statement, no setting. What was cut
off is done again on a new connection, for every write comes to the same, done once or twice.
"""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache
from typing import Any, TypeVar

from firn_runtime.cancel import unless_done
from firn_runtime.errors import StateError, StateMissing
from firn_runtime.identifiers import identifier
from firn_runtime.postgres_rights import Ask, making_refusal, schema_refusal, table_refusal
from firn_runtime.postgres_tls import tls
from firn_runtime.state import schema
from firn_runtime.state.database import Now, Transaction, Value
from firn_runtime.state.postgres_reasons import lost_connection, reason_of

try:
    import psycopg
except ImportError:
    raise StateError(
        "R401", "the state is in PostgreSQL, and its driver is not installed", 'pip install "firn-runtime[postgres]"'
    ) from None

T = TypeVar("T")

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each attempt to do again what a lost connection cut off."""

PATIENCE = 30.0
"""Seconds that one attempt may take, and after which no other begins. A server that stands still while its machine
takes what is sent would be waited for without an end; one that works ends each wait for a lock long before."""

_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    "SET LOCAL lock_timeout = '15s'; SET LOCAL idle_in_transaction_session_timeout = '5s'; "
)
"""Whoever has waited for a row goes by what it holds then, whatever the server's or the user's own isolation level is.
A pod that is paused amid a transaction loses it before those who wait for its rows give up."""

_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'",
    "SET LOCAL synchronous_commit = off",
)
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7310868735)"
"""Holds while the tables are made; the number is `firn` spelled in ASCII and some."""

_RELATION = "SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass(?)"
_SCHEMA = "SELECT 1 FROM pg_catalog.pg_namespace WHERE oid = to_regnamespace(?)"
"""Both read a table of the catalog. Without one, a session that has waited goes by what it knew before: it hears of
what others have made only where it opens a table, or begins a transaction."""

_LIVELINESS = {"tcp_user_timeout": 30_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
"""By which a peer that went away without a word is noticed within half a minute."""

_TABLE = re.compile(rf"\b({'|'.join(schema.TABLES)})\b")


class PostgresDatabase:
    """A schema of a database, over one connection that is opened anew when it is lost."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        read_only: bool = False,
        pauses: Sequence[float] = PAUSES,
        patience: float = PATIENCE,
    ) -> None:
        self.warnings: Sequence[str] = ()
        self._arguments = arguments(settings)
        self._schema = settings.get("schema")
        self._prefix = f"{identifier(self._schema)}." if self._schema else ""
        self._pauses, self._patience = pauses, patience
        self._begin = _BEGIN + ("SET TRANSACTION READ ONLY; " if read_only else "")
        self._mutex = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._line, self._is_cut = socket.socket(), False
        self._spelled = cache(self._spell)
        try:
            with self._limited():
                self._prepare(read_only=read_only)
        except psycopg.Error as error:
            self.close()
            raise self._translated(error) from None
        except BaseException:
            self.close()
            raise

    def write(self, work: Callable[[Transaction], T], *, durable: bool, once: bool = False) -> T:
        """Do `work` in one transaction, again where the connection was lost."""
        return self._persevering(lambda: self._transaction(work, durable=durable), () if once else self._pauses)

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Do `work`, which only reads."""
        return self._persevering(lambda: work(self), self._pauses)

    def execute(self, statement: str, values: Sequence[Value] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        cursor = self._connected().execute(self._spelled(statement).encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def now(self) -> Now:
        """Return the server's time."""
        return Now(self.execute("SELECT extract(epoch FROM clock_timestamp())::double precision")[0][0])

    def damaged(self, reason: str) -> StateError:
        """Return the error that says that the tables are not what was written."""
        help = "nothing was changed: name another `state.schema` to begin with new tables, and look at the old ones"
        return StateError("R403", f"the state's tables in PostgreSQL are damaged: {reason}", help)

    def close(self) -> None:
        """Close the connection."""
        with self._mutex:
            self._hang_up()

    def _persevering(self, act: Callable[[], T], pauses: Sequence[float]) -> T:
        """Do `act`, and again after each pause while the connection is lost."""
        end = time.monotonic() + self._patience
        for pause in (*pauses, None):
            try:
                with self._mutex, self._limited():
                    return act()
            except psycopg.Error as error:
                if pause is None or not lost_connection(error) or time.monotonic() > end:
                    raise self._translated(error) from None
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _transaction(self, work: Callable[[Transaction], T], *, durable: bool) -> T:
        connection = self._connected()
        try:
            connection.execute((self._begin + _DURABLE[not durable]).encode())
            result = work(self)
            connection.execute("COMMIT")
            return result
        except BaseException:
            try:
                connection.execute("ROLLBACK")
            except psycopg.Error:  # what failed before is what counts; the next transaction begins on a new connection
                connection.close()
            raise

    def _connected(self) -> "psycopg.Connection[Any]":
        if self._connection is None or self._connection.closed:
            self._hang_up()
            self._connection = psycopg.connect(**self._arguments, autocommit=True, prepare_threshold=None)
            self._line, self._is_cut = socket.socket(fileno=os.dup(self._connection.fileno())), False
        return self._connection

    def _limited(self) -> AbstractContextManager[None]:
        """Cut the connection, so that the driver stops waiting, where the block takes too long."""
        return unless_done(self._patience, self._cut)

    def _cut(self) -> None:
        self._is_cut = True
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def _translated(self, error: "psycopg.Error") -> StateError:
        return _translated(psycopg.errors.ConnectionTimeout("timeout") if self._is_cut else error)

    def _hang_up(self) -> None:
        self._line.close()
        if self._connection is not None:
            self._connection.close()

    def _prepare(self, *, read_only: bool) -> None:
        found = self._version()
        if read_only and found == 0:
            message = "there is no state in the PostgreSQL database"
            raise StateMissing("R401", message, "a run makes it: look at `state`")
        if read_only:
            schema.refuse_older(found)
        elif found < schema.KNOWN:
            self._transaction(self._migrate, durable=True)

    def _migrate(self, transaction: Transaction) -> None:
        transaction.execute(ONE_AT_A_TIME)
        if self._schema and not transaction.execute(_SCHEMA, [self._prefix[:-1]]):
            self._connected().execute(f"CREATE SCHEMA {self._prefix[:-1]}".encode())
        schema.migrate(transaction, self._version())

    def _version(self) -> int:
        """Return the schema's version, 0 where there is none; refuse a later one."""
        if not self.execute(_RELATION, [f"{self._prefix}firn_migrations"]):
            return 0
        return schema.version(self, self.damaged, "state.schema")

    def _spell(self, statement: str) -> str:
        """Return a statement as the driver takes it, with every table in the schema."""
        prefix = self._prefix.replace("%", "%%") if "?" in statement else self._prefix
        return _TABLE.sub(lambda match: prefix + match[1], statement.replace("?", "%s"))


def refusal(settings: Mapping[str, Any]) -> str:
    """Say why the user may not keep state there, nothing where it may; raise StateError. The catalog alone is asked."""
    try:
        with psycopg.connect(
            **arguments(settings), autocommit=True, cursor_factory=psycopg.RawCursor, prepare_threshold=None
        ) as connection:
            return _refusal(lambda sql, values: connection.execute(sql.encode(), values or None).fetchall(), settings)
    except psycopg.Error as error:
        raise _translated(error) from None


def _refusal(ask: Ask, settings: Mapping[str, Any]) -> str:
    if ask("select current_setting('transaction_read_only')", ()) == [("on",)]:
        return "the server is read-only"
    ((name,),) = [(settings["schema"],)] if settings.get("schema") else ask("select current_schema()", ())
    if name is None:
        return "the search path leads to no schema; name one in `state.schema`"
    home = identifier(name)
    reason = schema_refusal(ask, home, "USAGE")
    for table in schema.TABLES:
        if reason == "":
            reason = table_refusal(ask, f"{home}.{identifier(table)}", "SELECT", "INSERT", "UPDATE")
    return making_refusal(ask, home) if reason is None else reason


def arguments(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as the driver's keyword arguments; nothing comes from libpq's variables and files."""
    password = settings.get("password")
    timeout = settings.get("connect_timeout", 10)
    return {
        "host": settings["host"],
        "port": settings.get("port", 5432),
        "dbname": settings["database"],
        "user": settings["user"],
        "password": password.reveal() if password is not None else "",
        "connect_timeout": max(2, round(timeout)) if timeout else 0,
        "application_name": "firn state",
        "client_encoding": "UTF8",
        "gssencmode": "disable",
        "options": "",
        "passfile": "/dev/null",
        **_LIVELINESS,
        **tls(settings["host"], settings.get("sslmode"), settings.get("sslrootcert")),
    }


def _translated(error: "psycopg.Error") -> StateError:
    reason, help = reason_of(error)
    return StateError("R401", f"cannot keep the state in PostgreSQL: {reason}", help)
