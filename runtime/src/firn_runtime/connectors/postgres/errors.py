"""PostgreSQL's errors as connector errors: by SQLSTATE, without values, addresses with a password or the driver's text.

A server's text is kept only where it is about the query, which stands in the artifact; elsewhere it may quote data.
"""

import re

from psycopg import Error, OperationalError, errors

from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.connectors.databases import PostgresConfig

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
    "42P06": "conflict",
    "42P07": "conflict",
    "53300": "connection",
    "55000": "data",
    "57014": "timeout",
}
"""By SQLSTATE, or by its first two characters; every other one is about the data."""

_HELP = {
    "22021": "a text that is not UTF-8 is read as bytes by `sql`, such as `convert_to(name, 'SQL_ASCII')`",
    "22P05": "the encoding of the database, or `jsonb`, lacks a character of the dataset",
    "2BP01": "`drop ... cascade` is not for a load: drop what depends on it, or keep the table's columns",
    "40001": "`retry` with `on: [conflict]` tries again",
    "40P01": "it and another transaction waited for each other; `retry` with `on: [conflict]` tries again",
    "53100": "the server's disk is full; nothing was changed",
    "55P03": "another transaction holds the table; `retry` with `on: [conflict]` tries again",
}
"""By SQLSTATE."""
_MEANT = re.compile(r'reference the column "(?:[^"]*?\.)?([^"]+)"')
"""Where the server knows a column of nearly the name; its hint holds names alone."""

_ABOUT_THE_QUERY = ("0A", "25", "2B", "3D", "3F", "42", "55000")
_COLUMN = re.compile(r"^COPY .*?, line \d+, column (\w+)", re.MULTILINE)
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
    (r"too many (clients|connections)", "connection", "the server takes no more connections", ""),
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
    error_class = _CLASSES.get(state) or _CLASSES.get(state[:2], "data")
    return ConnectorError(error_class, _sentence(error, state), _HELP.get(state, "") or _meant(error))


def _meant(error: Error) -> str:
    found = _MEANT.search(error.diag.message_hint or "")
    return f"did you mean `{found[1]}`?" if found else ""


def _sentence(error: Error, state: str) -> str:
    if state == errors.QueryCanceled.sqlstate:
        late = "statement timeout" in (error.diag.message_primary or "")
        return "the statement took longer than `statement_timeout`" if late else "the statement was interrupted"
    if state.startswith(_ABOUT_THE_QUERY):
        return error.diag.message_primary or _words(error)
    column = error.diag.column_name or _column(error.diag.context)
    place = f" in the column `{column}`" if column else ""
    named = f" (`{error.diag.constraint_name}`)" if error.diag.constraint_name else ""
    return f"the database reports: {_words(error)}{place}{named}"


def _column(context: str | None) -> str | None:
    found = _COLUMN.search(context or "")
    return found[1] if found else None


def _words(error: Error) -> str:
    """Return the error's standard name in words, such as `not null violation`."""
    return _CAPITAL.sub(" ", type(error).__name__).lower()
