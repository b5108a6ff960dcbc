"""Rows of a dataset into a table of MySQL by INSERT: the engine spells the rows, the driver sends them in pieces.

LOAD DATA would take half the time, but servers refuse it by default, and it makes warnings of errors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from firn_runtime.connector import WriteContext
from firn_runtime.connectors.databases.pipe import piped
from firn_runtime.connectors.databases.schema_policy import TableColumn
from firn_runtime.connectors.mysql.server import Server
from firn_runtime.connectors.mysql.values import in_insert
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier, literal

_PIECE = 1 << 20
"""Bytes of one INSERT, about."""
_OPTIONS = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"
"""One column as it is, a line for each row."""


def loaded(
    server: Server, into: str, kinds: Mapping[str, str], columns: Sequence[TableColumn], context: WriteContext, of: str
) -> int:
    """Add the rows of the dataset `of`, whose types are `kinds`; `into` names a table and these columns of it.

    Return their number. The dataset is read once, and the rows go straight to the server.
    """
    pipe = context.scratch / "rows.pipe"
    spelled = ", ',', ".join(in_insert(*pair, column) for pair, column in zip(kinds.items(), columns, strict=True))
    row = f"concat('(', {spelled}, ')')"
    copy = f"COPY (SELECT {row} FROM {identifier(of)}) TO {literal(str(pipe))} ({_OPTIONS})"
    insert = f"insert into {into} values ".encode()
    try:
        with piped(pipe, lambda: context.session.execute(copy)) as blocks:
            pieces = _pieces(blocks, min(_PIECE, server.packet // 4))
            return sum(server.changed(_sendable(insert + rows, server.packet)) for rows in pieces)
    except ConnectorError as error:
        raise _with_types(error, kinds, columns) from None


def _sendable(statement: bytes, packet: int) -> bytes:
    """Return a statement that the server reads; of a longer one it would say nothing and hang up."""
    if len(statement) >= packet:
        said = f"a row is longer than the server's {packet} bytes"
        raise ConnectorError("data", said, "raise `max_allowed_packet` there, or write less of the row")
    return statement


def _with_types(error: ConnectorError, kinds: Mapping[str, str], columns: Sequence[TableColumn]) -> ConnectorError:
    """Return the error of a value, with the types of the column that it names."""
    for (name, kind), column in zip(kinds.items(), columns, strict=True):
        if error.message.endswith(f" in the column `{column.name}`"):
            said = f"{error.message}: `{name}` is {kind}, and {column.declared} in the table"
            return ConnectorError(error.error_class, said, error.help)
    return error


def _pieces(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield whole rows, with commas between them."""
    kept: list[bytes] = []
    length = 0
    for block in blocks:
        kept.append(block)
        length += len(block)
        if length < size:
            continue
        whole, end, rest = b"".join(kept).rpartition(b"\n")
        if end:
            yield whole.replace(b"\n", b",")
        kept, length = [rest], len(rest)
    whole = b"".join(kept).rstrip(b"\n")
    if whole:
        yield whole.replace(b"\n", b",")
