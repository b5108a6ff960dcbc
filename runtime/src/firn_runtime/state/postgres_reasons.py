"""Why PostgreSQL did not do what the state asked, in a sentence that holds no value: by SQLSTATE, or by libpq's words.

See PostgreSQL's documentation, appendix A. Before a session has begun there is no SQLSTATE, only a text.
"""

import re
from typing import Any

_LOST = ("08", "57P01", "57P02", "57P03", "53300", "40001", "40P01", "25P03")
"""SQLSTATEs and classes after which the same work may succeed: a connection that broke, a server that starts or stops,
too many clients, a deadlock, a transaction that slept for too long."""

_STATES = (
    ("28", "the server refused the credentials", "look at `state.user` and `state.password`"),
    ("3D000", "there is no such database", "create it, or correct `state.database`"),
    ("42501", "the user lacks a privilege", "grant what docs/state.md lists"),
    ("25006", "the server is read-only", "name the primary server in `state.host`, not a standby"),
    ("55P03", "another session keeps the rows locked", "look for a transaction that does not end"),
    ("53100", "the server's disk is full", "make room on the server"),
    ("53300", "the server has too many clients", "raise `max_connections`, or put a pooler in front"),
    ("53", "the server lacks resources", "look at the server's log"),
    ("57014", "the server cancelled a statement", "look for `statement_timeout` of this user"),
    ("57", "the server is starting or stopping", "try again when it is up"),
    ("08", "the connection was lost", "look at the network and at the server's log"),
    ("42", "the tables are not those that this runtime made", "name another `state.schema`"),
    ("40", "transactions of other sessions stood in the way again and again", "try again"),
)
"""By the beginning of the SQLSTATE; the first that fits counts."""

_WORDS = (
    (
        r"password authentication failed",
        "the server refused the credentials",
        "look at `state.user` and `state.password`",
    ),
    (r"no password supplied", "the server asks for a password", "set `state.password`"),
    (r"role .* does not exist", "the server does not know the user", "look at `state.user`"),
    (r"database .* does not exist", "there is no such database", "create it, or correct `state.database`"),
    (r"no pg_hba\.conf entry", "the server lets this user not in from here", "look at the server's `pg_hba.conf`"),
    (r"too many (clients|connections)|connection slots", "the server has too many clients", "put a pooler in front"),
    (
        r"does not match host name",
        "the server's certificate is for another name",
        "name the server in `state.host` as its certificate does",
    ),
    (
        r"certificate verify failed|self-signed",
        "the server's certificate is not from an authority that is trusted",
        "name the file of its authority in `state.sslrootcert`",
    ),
    (
        r"root certificate file|could not (read|load) .*root",
        "the file of trusted authorities cannot be read",
        "look at `state.sslrootcert`",
    ),
    (
        r"does not support SSL",
        "the server speaks no TLS, and `sslmode` asks for it",
        "turn TLS on at the server, or set `state.sslmode`",
    ),
    (r"SSL|TLS", "TLS with the server failed", "look at `state.sslmode` and `state.sslrootcert`"),
    (r"timeout|timed out", "the server does not answer", "look at `state.host`, `state.port` and the network"),
    (r"resolve|translate host name", "the server's name is not known", "look at `state.host` and at the DNS"),
    (r"Connection refused", "nothing listens there", "look at `state.host` and `state.port`, and whether it is up"),
    (r"starting up|shutting down|recovery mode", "the server is starting or stopping", "try again when it is up"),
    (r"closed the connection", "the connection was lost", "look at the network and at the server's log"),
    (r"No such file or directory", "there is no such socket", "look at `state.host`, and whether the server is up"),
)
"""By what libpq or the server says, in English, when no session begins; the first that fits counts."""


def reason_of(error: Any) -> tuple[str, str]:
    """Return why one of psycopg's exceptions was raised, and what helps."""
    state, text = error.sqlstate, str(error)
    if state is not None:
        found = next(((reason, help) for prefix, reason, help in _STATES if state.startswith(prefix)), None)
        return found or (f"the server refused a statement (SQLSTATE {state})", "look at the server's log")
    for words, reason, help in _WORDS:
        if re.search(words, text):
            return reason, help
    return f"the connection failed ({type(error).__name__})", "look at `state`, the network and the server's log"


def lost_connection(error: Any) -> bool:
    """Return whether the same work may succeed on a new connection."""
    if error.sqlstate is None:
        return type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
    return any(error.sqlstate.startswith(prefix) for prefix in _LOST)
