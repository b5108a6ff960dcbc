"""MySQL's errors as connector errors: by number, without values, addresses with a password or the server's text.

A server's text is kept only where it is about the query, which stands in the artifact; elsewhere it may quote data.
"""

import re
import ssl
from typing import Any

from pymysql.err import MySQLError

from firn_runtime.connectors.http.certificates import untrusted
from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.connectors.databases import MySqlConfig

_CLASSES: tuple[tuple[ErrorClass, tuple[int, ...]], ...] = (
    ("auth", (1044, 1045, 1130, 1142, 1143, 1227, 1370, 1698, 1820, 1862, 3118, 4151)),
    ("conflict", (1007, 1020, 1050, 1205, 1213, 1412, 1684, 3572)),
    ("connection", (1040, 1049, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1927, 2006, 2013, 4031)),
    ("server_error", (3, 1021, 1030, 1034, 1037, 1038, 1041, 1114, 1206, 1290, 1836)),
    ("timeout", (1317, 1969, 3024)),
)
_CLASS_OF = {number: error_class for error_class, numbers in _CLASSES for number in numbers}
"""Every other one is about the data."""

_KEYS = "make the table and `_firn_loads` with one; `append` and `replace` then need no other"
_HELP = {
    1020: "another transaction has changed these rows; `retry` with `on: [conflict]` tries again",
    1021: "the server's disk is full; nothing was changed",
    1050: "another run has made it meanwhile; `retry` with `on: [conflict]` tries again",
    1114: "the server's disk or the table's space is full; nothing was changed",
    1153: "a row is larger than the server's `max_allowed_packet`",
    1173: _KEYS,
    1205: "another transaction holds the table or its rows; `retry` with `on: [conflict]` tries again",
    1213: "it and another transaction waited for each other; `retry` with `on: [conflict]` tries again",
    1290: "the server takes no writes now; is it a replica?",
    1836: "the server takes no writes now; is it a replica?",
    3750: _KEYS,
}
_WORDS = {
    1005: "the table cannot be made: it may have too many columns",
    1020: "record changed",
    1021: "disk full",
    1048: "not null violation",
    1050: "the table is there already",
    1062: "unique violation",
    1114: "table full",
    1117: "too many columns",
    1118: "row too large",
    1153: "row too large",
    1205: "lock wait timeout",
    1213: "deadlock detected",
    1173: "the server makes no table without a primary key",
    1216: "foreign key violation",
    1217: "foreign key violation",
    1264: "value out of range",
    1265: "value would be cut",
    1290: "read only",
    1292: "value is none of the type",
    1364: "value is missing",
    1366: "value is none of the type",
    1367: "value is none of the type",
    1406: "value too long",
    1451: "foreign key violation",
    1452: "foreign key violation",
    1526: "no partition for a value",
    1569: "unique violation",
    1644: "a trigger of the table refuses it",
    1836: "read only",
    1927: "connection killed",
    3140: "value is no JSON",
    3750: "the server makes no table without a primary key",
    3819: "check violation",
    4025: "check violation",
}
"""What to say instead of a text that quotes data."""

_ABOUT_THE_QUERY = frozenset(
    """
    1044 1046 1049 1051 1052 1054 1055 1056 1060 1064 1066 1091 1093 1109 1110 1111 1140 1142 1143 1146 1222 1227 1241
    1242 1267 1270 1271 1305 1318 1356 1370 1410 1414 1582 1583 1792 1818
    """.split()
)
_COLUMN = re.compile(
    r"(?:.*\bfor |^)[Cc]olumn (?:`(?:[^`]|``)*`\.)*[`'](.+?)[`'](?: at row \d+| cannot be null)\Z", re.DOTALL
)
_KEY = re.compile(
    r".*for key '([^']+)'\Z|CONSTRAINT `([^`]+)` failed for |Check constraint '([^']+)' is violated", re.DOTALL
)
_LATE = (1969, 3024)
_INTERRUPTED = 1317
_LOGIN: tuple[tuple[tuple[int, ...], ErrorClass, str, str], ...] = (
    (
        (1045, 1130, 1698, 1820, 1862, 3118, 4151),
        "auth",
        "the server refused the login of `{user}`",
        "check `user` and `password`, and that the server lets this user in from here",
    ),
    (
        (2059, 2061),
        "auth",
        "the server asks for a login of `{user}` that this connection does not offer",
        "some logins go through TLS alone: `ssl_mode: verify_identity`, or at least `required`",
    ),
    ((1044,), "auth", "`{user}` may not use the database `{database}`", "grant what is lacking"),
    ((1049,), "connection", "the server has no database `{database}`", ""),
    ((1040, 1203, 1226), "connection", "the server takes no more connections", ""),
    ((1129,), "connection", "the server lets this host in no more, after too many failures", "`flush hosts` there"),
    (
        (2026,),
        "connection",
        "the server offers no TLS",
        "`ssl_mode: disabled` connects without; who listens in then reads the data",
    ),
)
"""By number: what to say of a connection that did not come about."""


def refused(error: Exception, config: MySqlConfig) -> ConnectorError:
    """Return the error that stands for a connection that did not come about."""
    named = {name: getattr(config, name) for name in ("host", "port", "user", "database")}
    number = 2059 if isinstance(error, RuntimeError) else _number(error)  # the driver lacks what the login needs
    for numbers, error_class, message, help in _LOGIN:
        if number in numbers:
            return ConnectorError(error_class, message.format_map(named), help)
    return _unreached(getattr(error, "original_exception", None) or error.__context__ or error, named)


def _unreached(cause: BaseException, named: dict[str, Any]) -> ConnectorError:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return untrusted(cause, "`{host}`, port {port}".format_map(named), "ssl_ca")
    if isinstance(cause, TimeoutError):
        said = "no answer from `{host}`, port {port}, within `connect_timeout`"
        return ConnectorError("timeout", said.format_map(named))
    if isinstance(cause, ConnectionRefusedError):
        return ConnectorError("connection", "nothing answers at `{host}`, port {port}".format_map(named))
    return ConnectorError("connection", "cannot connect to `{host}`, port {port}".format_map(named))


def translated(error: MySQLError, *, of_rows: bool = False) -> ConnectorError:
    """Return the error that stands for one of a statement; `of_rows` is one that holds a dataset's values."""
    number = _number(error)
    if number in (2006, 2013, 1053):
        return ConnectorError("connection", "the server has closed the connection")
    return ConnectorError(
        _CLASS_OF.get(number, "data"), _sentence(error, number, of_rows=of_rows), _HELP.get(number, "")
    )


def warned(number: int, text: str) -> ConnectorError:
    """Return the error that stands for a warning: the server would have changed a value."""
    return ConnectorError("data", f"the database reports: {_worded(number, text)}", "nothing was changed")


def _sentence(error: MySQLError, number: int, *, of_rows: bool) -> str:
    text = str(error.args[1]) if len(error.args) > 1 else ""
    if number == _INTERRUPTED:
        return "the statement was interrupted"
    if number in _LATE:
        return "the statement took longer than `statement_timeout`"
    if str(number) in _ABOUT_THE_QUERY and not of_rows:
        return " ".join(text.split())  # it quotes the query's lines
    return f"the database reports: {_worded(number, text)}"


def _worded(number: int, text: str) -> str:
    column, key = _COLUMN.match(text), _KEY.match(text)
    place = f" in the column `{column[1]}`" if column else ""
    named = f" (`{key[key.lastindex or 1].rpartition('.')[2]}`)" if key else ""
    return f"{_WORDS.get(number, f'error {number}')}{place}{named}"


def _number(error: Exception) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0
