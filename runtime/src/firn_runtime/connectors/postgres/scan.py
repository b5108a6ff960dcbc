"""Tables of PostgreSQL read by the engine itself, through its extension: binary COPY, several connections side by side.

The password is in no statement: the extension's libpq reads it from a file that lies in memory alone. Only columns
whose values are the same that way are read so; `exact` says whether they are.
"""

import math
import os
from collections.abc import Sequence
from functools import cached_property

from firn_runtime.connectors.databases.watch import Peer
from firn_runtime.connectors.postgres.server import ALIVE, NOT_FROM_OUTSIDE, Server, host_address
from firn_runtime.connectors.postgres.types import NUMERIC, Column, read_type
from firn_runtime.identifiers import identifier, literal
from firn_runtime.postgres_tls import tls
from firn_schemas.connectors.databases import PostgresConfig, PostgresOptions

_PLAIN = frozenset([16, 17, 20, 21, 23, 25, 700, 701, 1043, 1082, 1083, 1114, 2950])
"""By number in pg_type: boolean, bytea, integers, text, floats, varchar, date, time, timestamp, uuid."""
_CAST = frozenset([114, 3802])
"""json and jsonb, which the extension takes for text."""
_TIMESTAMPTZ = 1184
_LATEST = "294246-12-31"
"""Later timestamps are not the engine's any more, and the extension would turn them into others."""


class Login:
    """How the extension logs in as a resource does, with whom it was connected to. Close it."""

    def __init__(self, config: PostgresConfig, options: PostgresOptions, peer: Peer) -> None:
        self._config, self._options, self._peer = config, options, peer

    @cached_property
    def _passfile(self) -> int:
        """A file that lies in memory and is nowhere in the file system; programs that are started do not inherit it."""
        file = os.memfd_create("passfile")
        os.fchmod(file, 0o600)
        password = self._config.password.reveal() if self._config.password else ""
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        os.write(file, f"*:*:*:*:{escaped}\n".encode())
        return file

    def scan(self, schema: str, table: str) -> str:
        """Return the rows of a table, as the engine reads them."""
        return f"postgres_scan_pushdown({literal(self._address)}, {literal(schema)}, {literal(table)})"

    @property
    def _address(self) -> str:
        config, options = self._config, self._options
        said = NOT_FROM_OUTSIDE | ALIVE | tls(config.host, options.sslmode, options.sslrootcert)
        said |= {
            "host": config.host,
            "hostaddr": host_address(self._peer),
            "port": config.port,
            "dbname": config.database,
            "user": config.user,
            "passfile": f"/proc/self/fd/{self._passfile}",
            "connect_timeout": math.ceil(options.connect_timeout),
            "application_name": options.application_name,
        }
        if options.statement_timeout:
            said["options"] = f"-c statement_timeout={math.ceil(options.statement_timeout * 1000)}"
        return " ".join(f"{name}={_quoted(str(value))}" for name, value in said.items())

    def close(self) -> None:
        """Forget the password."""
        if "_passfile" in self.__dict__:
            os.close(self.__dict__.pop("_passfile"))


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def exact(server: Server, table: str, columns: Sequence[Column]) -> bool:
    """Return whether the extension gives every value of these columns of a table as it is.

    It does not for NaN in a numeric, and not for timestamps beyond the engine's. The server is asked in any case: what
    it says of a view that cannot be read, the engine would not tell.
    """
    if not all(_fits(column) for column in columns):
        return False
    doubtful = [_DOUBTS[column.oid](identifier(column.name)) for column in columns if column.oid in _DOUBTS]
    sought = f"where {' or '.join(doubtful)} limit 1" if doubtful else "limit 0"
    return server.rows(f"select 1 from {table} {sought}") == []


def _fits(column: Column) -> bool:
    if column.oid == NUMERIC:
        return read_type(column).startswith("DECIMAL")
    return column.oid in _PLAIN or column.oid in _CAST or column.oid == _TIMESTAMPTZ


def _late(name: str) -> str:
    return f"({name} > '{_LATEST}' and {name} <> 'infinity')"


_DOUBTS = {NUMERIC: "{0} = 'NaN'".format, 1114: _late, _TIMESTAMPTZ: _late}


def selected(columns: Sequence[Column]) -> str:
    """Return the columns of a scan, in the types that the engine has for them everywhere else."""
    return ", ".join(_selected(identifier(column.name), column) for column in columns)


def _selected(name: str, column: Column) -> str:
    return f"cast({name} as JSON) as {name}" if column.oid in _CAST else name
