"""Rows of a dataset into a table of PostgreSQL by COPY: binary where every column's type allows it, else CSV."""

from collections.abc import Mapping

from firn_runtime.connector import WriteContext
from firn_runtime.connectors.databases.pipe import piped
from firn_runtime.connectors.databases.spool import NULL
from firn_runtime.connectors.databases.write_modes import refuse_unless_all
from firn_runtime.connectors.postgres.server import Server
from firn_runtime.connectors.postgres.types import WRITTEN, Column, binary_type, in_binary, to_csv
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal

_WITHOUT_TEXT = frozenset(kind for kind in WRITTEN if kind != "JSON")
_CSV = f"FORMAT csv, HEADER false, NULLSTR '{NULL}', FORCE_QUOTE *"


def loaded(
    server: Server, table: str, columns: str, dataset: str, types: Mapping[str, str], context: WriteContext
) -> int:
    """Add the rows of a dataset with these types to a table, into `columns` in their order; return their number.

    The dataset is read once, and the rows go straight to the server.
    """
    stored = server.described(f"select {columns} from {table}").columns
    binary = _binary(types, stored)
    chosen = binary or [to_csv(name, kind, one) for (name, kind), one in zip(types.items(), stored, strict=True)]
    pipe = context.scratch / "rows.pipe"
    options = "FORMAT postgres_binary" if binary else _CSV
    copy = f"COPY (SELECT {', '.join(chosen)} FROM {identifier(dataset)}) TO {literal(str(pipe))} ({options})"
    written = "format binary" if binary else f"format csv, null '{NULL}'"
    sent: list[tuple[int]] = []
    try:
        with piped(pipe, lambda: sent.extend(context.session.execute(copy))) as blocks:
            rows = server.upload(f"copy {table} ({columns}) from stdin ({written})", blocks)
    except ConnectorError as error:
        if "NULL-byte" in error.message or "character not in repertoire" in error.message:
            raise _holding_nul(types) from None
        raise
    refuse_unless_all(rows, sent[0][0])
    return rows


def _holding_nul(types: Mapping[str, str]) -> ConnectorError:
    texts = ", ".join(f"`{name}` ({kind})" for name, kind in types.items() if kind not in _WITHOUT_TEXT)
    said = f"a text holds a NUL character, which PostgreSQL cannot hold; texts are in {texts}"
    return ConnectorError("data", said, "`replace(…, chr(0), '')` in a `sql` step before removes it")


def _binary(types: Mapping[str, str], stored: list[Column]) -> list[str]:
    """Return the columns as the server's types spell them in binary; nothing where one of them cannot be so."""
    kinds = [binary_type(kind, column) for kind, column in zip(types.values(), stored, strict=True)]
    if any(kind is None for kind in kinds):
        return []
    return [
        in_binary(name, kind, column)
        for name, kind, column in zip(types, kinds, stored, strict=True)
        if kind is not None
    ]
