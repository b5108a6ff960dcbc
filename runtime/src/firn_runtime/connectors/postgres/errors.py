"""PostgreSQL's errors as connector errors: by SQLSTATE, without values, addresses with a password or the driver's text.

A server's text is kept only where it is about the query, which stands in the artifact; elsewhere it may quote data.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from psycopg import Error, OperationalError, errors

from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.connectors.databases import PostgresConfig

T = TypeVar("T")

_CLASSES: dict[str, ErrorClass] = {
    "08": "connection",
    "25P03": "timeout",
    "25P04": "timeout",
    "28": "auth",
    "3D": "connection",
    "40": "conflict",
    "53": "server_error",
    "55": "conflict",
    "57": "connection",
    "58": "server_error",
    "XX": "server_error",
    "42501": "auth",
    "42710": "conflict",
    "42P06": "conflict",
    "42P07": "conflict",
    "53300": "connection",
    "55000": "data",
    "57014": "timeout",
}
"""By SQLSTATE, or by its first two characters; every other one is about the data."""

_SAID = {
    "08001": "the server does not reach another one that it asks for the rows",
    "08": "the server, or a pooler before it, has ended the connection",
    "21000": "a subquery gave several rows where one is asked for",
    "22001": "a value is too long",
    "22003": "a value is out of range",
    "22007": "a value is none of the type",
    "22008": "a date or time is out of range",
    "22P02": "a value is none of the type",
    "25P03": "the transaction waited longer for its next statement than the server allows",
    "25P04": "the transaction took longer than the server's `transaction_timeout`",
    "40001": "another transaction stood in the way",
    "40P01": "two transactions waited for each other",
    "53100": "the server's disk is full",
    "53200": "the server lacks memory",
    "53300": "the server takes no more connections",
    "53400": "a limit of the server's settings is exceeded, such as `temp_file_limit`",
    "54000": "a row, or the part of it in an index, is larger than the server takes",
    "55P03": "the wait for a lock was longer than the server's `lock_timeout`",
    "57P01": "the server is stopping, or somebody has ended the connection there",
    "57P02": "the server ends all connections, since it is stopping at once or has crashed",
    "57P03": "the server is starting or stopping",
    "57P04": "the database has been dropped",
    "57P05": "the connection was idle for longer than the server allows",
    "58": "the server has trouble with its own files",
    "P0": "a function or a trigger of the database has refused it",
    "XX": "the server has met an error of its own",
}
"""By SQLSTATE, or by its first two characters, where the error's standard name is no word of its reader."""
_IN_ITS_LOG = "the server's log says more"
_HELP = {
    "08P01": "the pooler's log says more, and the server's",
    "22021": "a text that is not UTF-8 is read as bytes by `sql`, such as `convert_to(name, 'SQL_ASCII')`",
    "22P05": "the encoding of the database, or `jsonb`, lacks a character of the dataset",
    "2BP01": "`drop ... cascade` is not for a load: drop what depends on it, or keep the table's columns",
    "23503": "a row refers to one that is not there, or is referred to by others: `replace` deletes all rows first",
    "40001": "`retry` with `on: [conflict]` tries again",
    "40P01": "`retry` with `on: [conflict]` tries again",
    "53100": "nothing was changed",
    "55P03": "`retry` with `on: [conflict]` tries again",
    "58": _IN_ITS_LOG,
    "P0": _IN_ITS_LOG,
    "XX": _IN_ITS_LOG,
}
"""By SQLSTATE, or by its first two characters."""
_MEANT = re.compile(r'reference the column "(?:[^"]*?\.)?([^"]+)"')
"""Where the server knows a column of nearly the name; its hint holds names alone."""

_POOLER = "08P01"
"""What a pooler says, whatever it is; its words hold names of settings alone."""
_RAISED, _BY_RAISE = "P0001", "exec_stmt_raise"
"""What a function raises, and where the server does it: of any SQLSTATE, in words of the author's, about rows."""
_ABOUT_THE_QUERY = ("0A", "25", "2B", "3D", "3F", "42", "55000")
_COLUMN = re.compile(r'^COPY .*?, line \d+, column (.+?)(?:: (?:".*|null input))?$', re.MULTILINE)
"""A column that the server names, before the value, which may go on in other lines."""
_NO_PARTITION = "a row belongs to no partition of the table, or to another one than is written"
_A_PARTITION = "make the partition, or a default one, or leave such rows out in a `sql` step before"
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")

_LOGIN: tuple[tuple[str, ErrorClass, str, str], ...] = (
    (
        r"root certificate file",
        "connection",
        "the authorities' file of `sslrootcert` cannot be read",
        "it is a file of certificates in PEM form",
    ),
    (
        r"authentication failed|no password supplied|no pg_hba\.conf entry|role .* does not exist|not permitted to log",
        "auth",
        "the server refused the login of `{user}`",
        "check `user` and `password`, and that the server lets this user in from here",
    ),
    (r'database ".*" does not exist', "connection", "the server has no database `{database}`", ""),
    (r"failed to resolve host|could not translate host", "connection", "the host `{host}` cannot be resolved", ""),
    (r"Connection refused|No such file", "connection", "nothing answers at `{host}`, port {port}", ""),
    (r"timeout expired|timed out", "timeout", "no answer from `{host}`, port {port}, within `connect_timeout`", ""),
    (
        r"does not support SSL",
        "connection",
        "the server offers no TLS",
        "`sslmode: disable` connects without; who listens in then reads the data",
    ),
    (
        r"does not match host name",
        "connection",
        "the certificate of `{host}`, port {port} is for another name",
        "name the server as its certificate does",
    ),
    (
        r"certificate|root\.crt|SSL error",
        "connection",
        "the certificate of `{host}`, port {port} is from no authority that is trusted, or not valid now",
        "name the authorities' file in `sslrootcert`",
    ),
    (
        r"too many (clients|connections)|no more connections allowed|connection slots are reserved",
        "connection",
        "the server takes no more connections",
        "",
    ),
    (
        r"pgbouncer cannot connect|server login (has been failing|failed)|query_wait_timeout",
        "connection",
        "the pooler at `{host}`, port {port} has no connection to the server",
        "",
    ),
    (
        r"starting up|shutting down|recovery mode|not yet accepting",
        "connection",
        "the server at `{host}`, port {port} is starting or stopping",
        "`retry` with `max_attempts` tries again",
    ),
)
"""Of the driver's text, which has no SQLSTATE before there is a connection: where it is recognised, and what to say."""


def refused(error: Error, config: PostgresConfig) -> ConnectorError:
    """Return the error that stands for a connection that did not come about."""
    named = {name: getattr(config, name) for name in ("host", "port", "user", "database")}
    for pattern, error_class, message, help in _LOGIN:
        if re.search(pattern, str(error)):
            return ConnectorError(error_class, message.format_map(named), help)
    return ConnectorError("connection", "cannot connect to `{host}`, port {port}".format_map(named))


def translated(error: Error) -> ConnectorError:
    """Return the error that stands for one of a statement."""
    state = error.sqlstate
    if state is None:
        if isinstance(error, OperationalError):
            return ConnectorError("connection", "the server has closed the connection")
        return ConnectorError("data", f"the database's driver refused the statement ({_words(error)})")
    if error.diag.schema_name == "pg_catalog":
        said = "another transaction has made the same table or schema meanwhile"
        return ConnectorError("conflict", said, "`retry` with `on: [conflict]` tries again")
    if state == errors.CheckViolation.sqlstate and not error.diag.constraint_name:
        return ConnectorError("data", _NO_PARTITION, _A_PARTITION)
    error_class = _of(state, _CLASSES) or "data"
    meant = _RAISED if error.diag.source_function == _BY_RAISE and not _of(state, _SAID) else state
    return ConnectorError(error_class, _sentence(error, meant), _of(state, _HELP) or _of(meant, _HELP) or _meant(error))


def _of(state: str, table: Mapping[str, T]) -> T | None:
    return table.get(state) or table.get(state[:2])


def _meant(error: Error) -> str:
    found = _MEANT.search(error.diag.message_hint or "")
    return f"did you mean `{found[1]}`?" if found else ""


def _sentence(error: Error, state: str) -> str:
    if state == errors.QueryCanceled.sqlstate:
        late = "statement timeout" in (error.diag.message_primary or "")
        return "the statement took longer than `statement_timeout`" if late else "the statement was interrupted"
    said = _of(state, _SAID)
    if state.startswith(_ABOUT_THE_QUERY):
        said = error.diag.message_primary or said
    elif state == _POOLER:
        said = f"{said}: {error.diag.message_primary}"
    column = error.diag.column_name or _column(error.diag.context)
    place = f" in the column `{column}`" if column else ""
    named = f" (`{error.diag.constraint_name}`)" if error.diag.constraint_name else ""
    return f"{said or f'the database reports: {_words(error)}'}{place}{named}"


def _column(context: str | None) -> str | None:
    found = _COLUMN.search(context or "")
    return found[1] if found else None


def _words(error: Error) -> str:
    """Return the error's standard name in words, such as `not null violation`."""
    return _CAPITAL.sub(" ", type(error).__name__).lower()
